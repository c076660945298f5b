//! Why a message did, or did not, arrive: the API's side of it. What decided is known to the shards.

use std::sync::Arc;

use http::Response;
use hubwire_hub::{Command, Explanation, Explanations, Happening, Inquiry, Reply, Rule, Target};
use hubwire_protocol::{ConnectionId, GroupName, HubName, UserId};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::answer::{self, Body};
use crate::api::Call;
use crate::entry::Entry;
use crate::error::Error;
use crate::history::Kept;
use crate::message::{Message, delivery, parse_id};
use crate::parameters::Parameters;
use crate::peers::Others;
use crate::verdict::{Verdict, verdict};

const LIMIT_MAX: u64 = 200;
const LIMIT_DEFAULT: u64 = 50;
/// Connections that one answer speaks of.
const ANSWERS_MAX: usize = 100;
/// Events that are shown beside the answers.
const RELATED_MAX: usize = 20;

/// Which messages are meant.
struct Wanted {
    hub: HubName,
    target: Option<Target>,
    /// In lower case.
    text: Option<String>,
}

impl Wanted {
    fn parse(parameters: &Parameters) -> Result<Self, Error> {
        let given = |name| parameters.get(name).filter(|text| !text.is_empty());
        let hub = HubName::parse(given("hub").unwrap_or_default())?;
        let target = match (given("toGroup"), given("toUser"), given("toConnection")) {
            (None, None, None) => None,
            (group, user, connection) => {
                Some(one_of(group, user, connection, "toGroup, toUser and toConnection")?)
            }
        };
        Ok(Self { hub, target, text: given("text").map(str::to_lowercase) })
    }

    fn fits(&self, message: &Message) -> bool {
        message.hub == self.hub
            && self.target.as_ref().is_none_or(|target| *target == message.target)
            && self.text.as_ref().is_none_or(|text| message.contains(text))
    }
}

fn one_of(
    group: Option<&str>,
    user: Option<&str>,
    connection: Option<&str>,
    names: &str,
) -> Result<Target, Error> {
    match (group, user, connection) {
        (Some(group), None, None) => Ok(Target::Group(GroupName::parse(group)?)),
        (None, Some(user), None) => Ok(Target::User(UserId::parse(user)?)),
        (None, None, Some(id)) => {
            let id = ConnectionId::parse(id);
            Ok(Target::Connection(
                id.ok_or_else(|| Error::invalid("this is no connection id: 32 hexadecimal digits"))?,
            ))
        }
        _ => Err(Error::invalid(format!("exactly one of {names} is given"))),
    }
}

/// GET `/console/api/messages`.
pub(crate) async fn messages(call: &Call<'_>) -> Result<Response<Body>, Error> {
    let parameters = call.parameters();
    let wanted = Wanted::parse(&parameters)?;
    let limit = parameters.number("limit", 1..=LIMIT_MAX, LIMIT_DEFAULT)? as usize;
    let desk = &call.shared.desk;
    desk.want();
    call.want_elsewhere();
    let mut shown = messages_here(call, &wanted, limit);
    let others = Others::of(call).await;
    let elsewhere = others.answers.iter().filter_map(|(_, answer)| answer["messages"].as_array());
    shown.extend(elsewhere.flatten().cloned());
    shown.sort_by_key(|message| std::cmp::Reverse(message["time"].as_u64()));
    shown.truncate(limit);
    let mut shown = json!({"messages": shown, "recording": desk.recording()});
    others.add_to(call, &mut shown);
    Ok(answer::json(&shown))
}

/// The latest messages that came in here.
fn messages_here(call: &Call<'_>, wanted: &Wanted, limit: usize) -> Vec<Value> {
    let history = call.shared.desk.history();
    let shown = history.messages().filter(|kept| wanted.fits(&kept.message)).take(limit);
    let with_delivery = |kept: &Kept| {
        let mut message = of_here(call, &kept.message);
        message["delivery"] = delivery(&kept.delivered);
        message
    };
    shown.map(with_delivery).collect()
}

/// A message as it is shown, with the node that it came in at.
fn of_here(call: &Call<'_>, message: &Message) -> Value {
    let mut shown = message.json();
    if let Some(node) = call.shared.desk.node() {
        shown.insert("node".into(), node.into());
    }
    Value::Object(shown)
}

/// A message that was published here or at another node, and how it is shown.
struct Found {
    message: Arc<Message>,
    shown: Value,
}

fn subject(parameters: &Parameters) -> Result<Target, Error> {
    let given = |name| parameters.get(name).filter(|text| !text.is_empty());
    one_of(given("group"), given("user"), given("connection"), "connection, user and group")
}

/// The message that is meant, if it was published here.
fn find(call: &Call<'_>, wanted: &Wanted) -> Result<Option<Found>, Error> {
    let parameters = call.parameters();
    let history = call.shared.desk.history();
    let found = match parameters.get("message").filter(|text| !text.is_empty()) {
        Some(text) => {
            let id = parse_id(text).ok_or_else(|| Error::invalid("message is no message id"))?;
            history.message(id).cloned()
        }
        None => history.messages().find(|kept| wanted.fits(&kept.message)).cloned(),
    };
    drop(history);
    Ok(found.map(|Kept { message, .. }| Found { shown: of_here(call, &message), message }))
}

/// What another node asks: whether the message that is meant was published here, or refused.
pub(crate) fn message(call: &Call<'_>) -> Result<Value, Error> {
    let wanted = Wanted::parse(&call.parameters())?;
    call.shared.desk.want();
    Ok(match find(call, &wanted)? {
        Some(Found { shown, .. }) => json!({"message": shown}),
        None => never_published(call, &wanted),
    })
}

/// What another node asks: what became here of a message that was published elsewhere.
pub(crate) async fn explain_here(call: &Call<'_>) -> Result<Value, Error> {
    let parameters = call.parameters();
    let about = serde_json::from_str(parameters.get("about").unwrap_or_default()).unwrap_or_default();
    let message = Message::of_json(&about).ok_or_else(|| Error::invalid("about is no message"))?;
    call.shared.desk.want();
    explained(
        call,
        &HubName::parse(parameters.get("hub").unwrap_or_default())?,
        &message,
        &subject(&parameters)?,
    )
    .await
}

/// GET `/console/api/why`.
pub(crate) async fn explain(call: &Call<'_>) -> Result<Response<Body>, Error> {
    let parameters = call.parameters();
    let wanted = Wanted::parse(&parameters)?;
    let subject = subject(&parameters)?;
    call.shared.desk.want();
    call.want_elsewhere();
    let (own, query) = (find(call, &wanted)?, call.head.uri.query().unwrap_or_default());
    let is_told = parameters.get("message").is_some_and(|text| !text.is_empty());
    // An id names one message; otherwise the newest one is meant, wherever it came in.
    let others = match own {
        Some(_) if is_told => Others::default(),
        _ => Others::of_place(call, &format!("message?{query}")).await,
    };
    let elsewhere = others.answers.iter().filter_map(|(_, answer)| {
        let shown = &answer["message"];
        Some(Found { message: Arc::new(Message::of_json(shown)?), shown: shown.clone() })
    });
    let found = elsewhere.chain(own).max_by_key(|found| found.message.time_ms);
    let Some(Found { message, shown }) = found else {
        return Ok(answer::json(&nowhere(call, &wanted, &others)));
    };
    let own = explained(call, &wanted.hub, &message, &subject).await?;
    let mut about = shown.clone();
    // Nobody needs it to explain, and a question must not be large.
    about.as_object_mut().map(|about| about.remove("payload"));
    let about = utf8_percent_encode(&about.to_string(), NON_ALPHANUMERIC).to_string();
    let others = Others::of_place(call, &format!("explain?{query}&about={about}")).await;
    let mut whole = whole(call, own, &others);
    whole["message"] = shown;
    whole["recording"] = call.shared.desk.recording();
    others.add_to(call, &mut whole);
    Ok(answer::json(&whole))
}

/// No node has the message; perhaps one has refused it.
fn nowhere(call: &Call<'_>, wanted: &Wanted, others: &Others) -> Value {
    let own = never_published(call, wanted);
    let is_refused = |answer: &&Value| answer["answers"][0]["rule"] != "neverPublished";
    let refused =
        std::iter::once(&own).chain(others.answers.iter().map(|(_, answer)| answer)).find(is_refused);
    let mut shown = refused.unwrap_or(&own).clone();
    shown["recording"] = call.shared.desk.recording();
    others.add_to(call, &mut shown);
    shown
}

/// The answers of all nodes. Who is unknown to one may be known to another.
fn whole(call: &Call<'_>, own: Value, others: &Others) -> Value {
    let here = call.shared.desk.node().map(str::to_owned);
    let parts = std::iter::once((here, own))
        .chain(others.answers.iter().map(|(node, part)| (Some(node.clone()), part.clone())));
    let (mut answers, mut related, mut more) = (Vec::new(), Vec::new(), 0);
    for (node, mut part) in parts {
        for answer in part["answers"].as_array_mut().into_iter().flatten() {
            if let Some(node) = &node {
                answer["node"] = node.as_str().into();
            }
            answers.push(answer.take());
        }
        related.extend(part["related"].as_array().into_iter().flatten().cloned());
        more += part["moreAnswers"].as_u64().unwrap_or_default();
    }
    let is_known = |answer: &Value| answer["rule"] != "unknownConnection";
    if answers.iter().any(is_known) {
        answers.retain(is_known);
    }
    if answers.iter().all(|answer| !is_known(answer)) {
        answers.truncate(1);
    }
    more += answers.len().saturating_sub(ANSWERS_MAX) as u64;
    answers.truncate(ANSWERS_MAX);
    related.sort_by_key(|entry: &Value| std::cmp::Reverse(entry["time"].as_u64()));
    related.truncate(RELATED_MAX);
    json!({"answers": answers, "related": related, "moreAnswers": more})
}

/// What became of a message in this node.
async fn explained(
    call: &Call<'_>,
    hub: &HubName,
    message: &Message,
    subject: &Target,
) -> Result<Value, Error> {
    let inquiry = Inquiry {
        message: message.id,
        target: message.target.clone(),
        accepted_ms: message.time_ms,
        subject: subject.clone(),
        limit: ANSWERS_MAX,
    };
    let execute = call.shared.router.execute(message.hub.clone(), Command::Explain(inquiry));
    let explanations = match execute.await? {
        Reply::Explained(explanations) => explanations,
        Reply::Missing => Explanations::default(),
        _ => return Err(Error::Internal("a hub answered with something else than was asked")),
    };
    let Explanations { mut items, mut more } = explanations;
    // Those that are there come first: ended ones must not take their places.
    items.sort_by_key(|item| {
        matches!(item.rule, Rule::Ended { .. } | Rule::Lost { .. } | Rule::SessionExpired { .. })
    });
    if items.len() > ANSWERS_MAX {
        more += items.len() - ANSWERS_MAX;
        items.truncate(ANSWERS_MAX);
    }
    let related = related(call, &items);
    let mut answers: Vec<_> = items.iter().map(|item| answered(item, message, &related)).collect();
    if answers.is_empty() {
        answers.push(nobody(subject, hub));
    }
    let shown: Vec<_> = related.iter().take(RELATED_MAX).map(|entry| entry.json()).collect();
    Ok(json!({"answers": answers, "related": shown, "moreAnswers": more}))
}

fn answered(item: &Explanation, message: &Message, related: &[Arc<Entry>]) -> Value {
    let mut verdict = verdict(&item.rule, message, item.user.as_ref());
    add_refused_join(&mut verdict, item, message, related);
    let mut shown = Map::new();
    shown.insert("connection".into(), item.connection.to_string().into());
    if let Some(user) = &item.user {
        shown.insert("user".into(), user.as_str().into());
    }
    shown.insert("rule".into(), verdict.rule.into());
    shown.insert("arrived".into(), verdict.arrived.map_or(Value::Null, Value::Bool));
    shown.insert("text".into(), verdict.text.into());
    shown.insert("time".into(), message.time_ms.into());
    shown.insert("detail".into(), verdict.detail);
    Value::Object(shown)
}

/// Who is not in a group may have tried to join it.
fn add_refused_join(verdict: &mut Verdict, item: &Explanation, message: &Message, related: &[Arc<Entry>]) {
    let Target::Group(group) = &message.target else {
        return;
    };
    if verdict.rule != "notInGroup" {
        return;
    }
    let refused = related.iter().find_map(|entry| match &entry.fact.happening {
        Happening::RequestRefused { request: "joinGroup", error, .. }
            if entry.fact.connection == Some(item.connection) && entry.fact.group.as_ref() == Some(group) =>
        {
            Some((entry.fact.time_ms, error))
        }
        _ => None,
    });
    if let Some((time_ms, error)) = refused {
        verdict.detail["joinRefusedAt"] = time_ms.into();
        verdict
            .text
            .push_str(&format!(" It had asked to join, and was refused: {}: {}", error.name, error.message));
    }
}

/// Recent events of the connections that are spoken of, newest first.
fn related(call: &Call<'_>, items: &[Explanation]) -> Vec<Arc<Entry>> {
    let bears = |entry: &&Arc<Entry>| {
        let spoken_of =
            entry.fact.connection.is_some_and(|id| items.iter().any(|item| item.connection == id));
        spoken_of && !matches!(entry.fact.happening, Happening::Published(_) | Happening::RestCall(_))
    };
    call.shared.desk.history().entries().filter(bears).cloned().collect()
}

fn nobody(subject: &Target, hub: &HubName) -> Value {
    let who = crate::message::target_words(subject);
    json!({
        "rule": "unknownConnection",
        "arrived": false,
        "text": format!("Nothing is known of {who} in hub {hub}: it has no connection, and had none since recording began."),
        "detail": {},
    })
}

/// No message fits; perhaps somebody tried.
fn never_published(call: &Call<'_>, wanted: &Wanted) -> Value {
    let history = call.shared.desk.history();
    let attempts: Vec<_> = history.entries().filter(|entry| attempted(entry, wanted)).cloned().collect();
    drop(history);
    let answer = match attempts.first() {
        Some(entry) => refused(entry),
        None => json!({
            "rule": "neverPublished",
            "arrived": false,
            "text": "No such message was accepted since recording began, and none was refused.",
            "detail": {},
        }),
    };
    let related: Vec<_> = attempts.iter().take(RELATED_MAX).map(|entry| entry.json()).collect();
    let recording = call.shared.desk.recording();
    json!({"message": null, "answers": [answer], "related": related, "moreAnswers": 0, "recording": recording})
}

/// Whether an event tells of a publish that was refused and would have been the one that is meant.
fn attempted(entry: &Entry, wanted: &Wanted) -> bool {
    let fact = &entry.fact;
    let publish = match &fact.happening {
        Happening::RequestRefused { request, .. } => matches!(*request, "sendToGroup" | "startStream"),
        Happening::RestCall(call) => call.status >= 400 && call.operation.starts_with("SendTo"),
        _ => false,
    };
    let meant = match &wanted.target {
        None => true,
        Some(Target::Hub) => fact.group.is_none() && fact.user.is_none() && fact.connection.is_none(),
        Some(Target::Group(group)) => fact.group.as_ref() == Some(group),
        Some(Target::User(user)) => fact.user.as_ref() == Some(user),
        Some(Target::Connection(id)) => fact.connection == Some(*id),
    };
    publish && meant && fact.hub.as_ref() == Some(&wanted.hub)
}

fn refused(entry: &Entry) -> Value {
    let fact = &entry.fact;
    match &fact.happening {
        Happening::RequestRefused { error, .. } => {
            let rule = if error.name == "Forbidden" { "noPermission" } else { "refused" };
            json!({
                "rule": rule,
                "arrived": false,
                "text": format!("It was never published: {}.", entry.text()),
                "time": fact.time_ms,
                "detail": {
                    "publisher": fact.connection.map(|id| id.to_string()),
                    "group": fact.group.as_ref().map(|group| group.as_str()),
                    "reason": error.message,
                },
            })
        }
        Happening::RestCall(rest) => json!({
            "rule": "refused",
            "arrived": false,
            "text": format!("It was never published: {}.", entry.text()),
            "time": fact.time_ms,
            "detail": {"status": rest.status, "reason": rest.error.as_ref().map(|(_, text)| text.as_str())},
        }),
        _ => Value::Null,
    }
}
