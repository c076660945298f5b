//! Why a message did, or did not, arrive: the API's side of it. What decided is known to the shards.

use std::sync::Arc;

use http::Response;
use hubwire_hub::{Command, Explanation, Explanations, Happening, Inquiry, Reply, Rule, Target};
use hubwire_protocol::{ConnectionId, GroupName, HubName, UserId};
use serde_json::{Map, Value, json};

use crate::answer::{self, Body};
use crate::api::Call;
use crate::entry::Entry;
use crate::error::Error;
use crate::history::Kept;
use crate::message::{Message, delivery, parse_id};
use crate::parameters::Parameters;
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
pub(crate) fn messages(call: &Call<'_>) -> Result<Response<Body>, Error> {
    let parameters = call.parameters();
    let wanted = Wanted::parse(&parameters)?;
    let limit = parameters.number("limit", 1..=LIMIT_MAX, LIMIT_DEFAULT)? as usize;
    let desk = &call.shared.desk;
    desk.want();
    let history = desk.history();
    let shown = history.messages().filter(|kept| wanted.fits(&kept.message)).take(limit);
    let shown: Vec<_> = shown
        .map(|kept| {
            let mut message = kept.message.json();
            message.insert("delivery".into(), delivery(&kept.delivered));
            Value::Object(message)
        })
        .collect();
    drop(history);
    Ok(answer::json(&json!({"messages": shown, "recording": desk.recording()})))
}

/// GET `/console/api/why`.
pub(crate) async fn explain(call: &Call<'_>) -> Result<Response<Body>, Error> {
    let parameters = call.parameters();
    let wanted = Wanted::parse(&parameters)?;
    let given = |name| parameters.get(name).filter(|text| !text.is_empty());
    let subject = one_of(given("group"), given("user"), given("connection"), "connection, user and group")?;
    let desk = &call.shared.desk;
    desk.want();
    let found = match given("message") {
        Some(text) => {
            let id = parse_id(text).ok_or_else(|| Error::invalid("message is no message id"))?;
            desk.history().message(id).cloned()
        }
        None => desk.history().messages().find(|kept| wanted.fits(&kept.message)).cloned(),
    };
    let shown = match found {
        Some(Kept { message, .. }) => explained(call, &wanted.hub, &message, subject).await?,
        None => never_published(call, &wanted),
    };
    Ok(answer::json(&shown))
}

async fn explained(
    call: &Call<'_>,
    hub: &HubName,
    message: &Arc<Message>,
    subject: Target,
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
        answers.push(nobody(&subject, hub));
    }
    let shown: Vec<_> = related.iter().take(RELATED_MAX).map(|entry| entry.json()).collect();
    Ok(json!({
        "message": message.json(),
        "answers": answers,
        "related": shown,
        "moreAnswers": more,
        "recording": call.shared.desk.recording(),
    }))
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
