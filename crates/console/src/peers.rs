//! The other nodes of a cluster: what their consoles know is asked of them, and put together with what is known here.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::answer::{Body, refusal};
use crate::api::{self, Call};
use crate::console::{Console, Shared};

/// The answer of each other node, or none of one that does not answer, by the name that nodes have.
pub type Gathered<'a> = Pin<Box<dyn Future<Output = Vec<(String, Option<Bytes>)>> + Send + 'a>>;

/// How long a node may take to answer another one, in milliseconds: somewhat less than that one waits.
const ANSWER_TIMEOUT_MS: u64 = 1_800;

/// The way to the consoles of the other nodes.
pub trait Peers: Send + Sync {
    /// What this node is called.
    fn node(&self) -> &str;

    /// How this node is: what a list of nodes shows beside what the console knows itself.
    fn standing(&self) -> Value;

    /// Asks all other nodes, whose consoles answer by [`crate::Console::answer_peer`].
    fn ask(&self, question: Bytes) -> Gathered<'_>;
}

/// A question that one console asks another: one of the API, that is to be answered for one node alone.
#[derive(Serialize, Deserialize)]
struct Question {
    /// Path and query, below `/console/api/`.
    place: String,
}

/// What a console answers another.
#[derive(Serialize, Deserialize)]
struct Answer {
    status: u16,
    body: Value,
}

/// What came of a question to all other nodes.
#[derive(Default)]
pub(crate) struct Others {
    /// The answers, and whose they are.
    pub(crate) answers: Vec<(String, Value)>,
    /// Nodes that have nothing of the kind.
    pub(crate) refused: Vec<String>,
    /// Nodes that did not answer.
    pub(crate) silent: Vec<String>,
}

impl Others {
    /// Asks all other nodes for the same as a call. Nothing, if there are none, or a node asks.
    pub(crate) async fn of(call: &Call<'_>) -> Self {
        let place = call.head.uri.path_and_query().map_or("", |place| place.as_str());
        Self::of_place(call, place.strip_prefix("/console/api/").unwrap_or_default()).await
    }

    /// Asks them for another place of the API.
    pub(crate) async fn of_place(call: &Call<'_>, place: &str) -> Self {
        if call.alone { Self::default() } else { ask(call.shared, place).await }
    }

    /// Adds to an answer which nodes it is of, where there are several.
    pub(crate) fn add_to(&self, call: &Call<'_>, shown: &mut Value) {
        if let Some(peers) = call.shared.peers.as_ref().filter(|_| !call.alone) {
            let answered = self.answers.iter().map(|(node, _)| node).chain(&self.refused);
            let answered: Vec<_> = answered.map(String::as_str).chain([peers.node()]).collect();
            shown["nodes"] = json!({"answered": answered, "silent": self.silent});
        }
    }
}

/// Asks all other nodes for a place of the API.
pub(crate) async fn ask(shared: &Shared, place: &str) -> Others {
    let mut others = Others::default();
    let Some(peers) = &shared.peers else {
        return others;
    };
    let question = json!(Question { place: place.to_owned() }).to_string();
    for (node, answer) in peers.ask(question.into()).await {
        match answer.and_then(|answer| serde_json::from_slice::<Answer>(&answer).ok()) {
            Some(Answer { status: 200, body }) => others.answers.push((node, body)),
            Some(Answer { status: 404, .. }) => others.refused.push(node),
            // A node that refuses for another reason has not answered the question.
            _ => others.silent.push(node),
        }
    }
    others.silent.sort_unstable();
    others
}

/// Answers a question of another node, whose console has seen to it that its caller may ask.
pub(crate) async fn answer(console: &Console, question: &[u8]) -> Bytes {
    let shared = console.shared();
    let answered = async {
        let place = serde_json::from_slice::<Question>(question).ok()?.place;
        let request = Request::get(format!("/console/api/{place}")).body(()).ok()?;
        let (head, ()) = request.into_parts();
        let settings = shared.desk.settings.load_full();
        let call = Call { console, shared, settings: &settings, scheme: "http", head: &head, alone: true };
        let response = match settings.enabled {
            true => api::answer_peer(&call).await.unwrap_or_else(|error| refusal(&error)),
            false => answer_none(),
        };
        let status = response.status().as_u16();
        let body = match response.into_body() {
            Either::Left(body) => body.collect().await.ok()?.to_bytes(),
            // A stream is nothing that one node asks of another.
            Either::Right(_) => return None,
        };
        Some(json!(Answer { status, body: serde_json::from_slice(&body).unwrap_or_default() }))
    };
    let answered = tokio::time::timeout(Duration::from_millis(ANSWER_TIMEOUT_MS), answered).await;
    answered.ok().flatten().map_or_else(Bytes::new, |answer| answer.to_string().into())
}

/// A node whose console is switched off says nothing of itself.
fn answer_none() -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

/// Puts pages of the same list together. Items of one name are one, whose numbers are added up; `limit` of them are shown.
pub(crate) fn merge_pages(name: &str, limit: usize, own: Value, others: &Others) -> Value {
    let mut more = false;
    let mut items: std::collections::BTreeMap<String, Map<String, Value>> = Default::default();
    for page in std::iter::once(&own).chain(others.answers.iter().map(|(_, page)| page)) {
        more |= page.get("next").is_some();
        for item in page["items"].as_array().into_iter().flatten().filter_map(Value::as_object) {
            let key = item.get(name).and_then(Value::as_str).unwrap_or_default();
            match items.get_mut(key) {
                Some(known) => add(known, item),
                None => drop(items.insert(key.to_owned(), item.clone())),
            }
        }
    }
    more |= items.len() > limit;
    let next = items.keys().take(limit).next_back().filter(|_| more).cloned();
    let items: Vec<_> = items.into_values().take(limit).map(Value::Object).collect();
    let mut shown = json!({"items": items});
    if let Some(next) = next {
        shown["next"] = next.into();
    }
    shown
}

fn add(known: &mut Map<String, Value>, item: &Map<String, Value>) {
    for (name, value) in known {
        if let (Some(one), Some(other)) = (value.as_u64(), item.get(name).and_then(Value::as_u64)) {
            *value = (one + other).into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(items: &[(&str, u64)], next: Option<&str>) -> Value {
        let items: Vec<_> =
            items.iter().map(|(name, count)| json!({"name": name, "connections": count})).collect();
        let mut page = json!({"items": items});
        if let Some(next) = next {
            page["next"] = next.into();
        }
        page
    }

    fn others(pages: Vec<Value>) -> Others {
        let answers = pages.into_iter().map(|page| ("n".to_owned(), page)).collect();
        Others { answers, ..Others::default() }
    }

    #[test]
    fn pages_of_nodes_become_one_page_in_order_with_numbers_added_up() {
        let own = page(&[("a", 1), ("c", 2)], None);
        let others = others(vec![page(&[("b", 3), ("c", 4)], None), page(&[], None)]);
        let merged = merge_pages("name", 10, own, &others);
        assert_eq!(merged, page(&[("a", 1), ("b", 3), ("c", 6)], None));
    }

    #[test]
    fn a_page_ends_where_every_node_has_told_all_that_stands_before() {
        let own = page(&[("a", 1), ("d", 1)], Some("d"));
        let others = others(vec![page(&[("b", 1), ("c", 1)], Some("c"))]);
        assert_eq!(merge_pages("name", 2, own, &others), page(&[("a", 1), ("b", 1)], Some("b")));
        let one = merge_pages("name", 2, page(&[("a", 1)], None), &Others::default());
        assert_eq!(one, page(&[("a", 1)], None));
    }
}
