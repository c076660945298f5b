use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Response;
use hubwire_filter::Filter;
use hubwire_hub::{
    Command, Envelope, Fact, Happening, MessageId, Observer, Published, Reply, Source, Subject, Target,
};
use hubwire_protocol::{ConnectionId, Data, GroupName, HubName, Message, Sender, TTL_S_MAX, UserId};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::answer::{self, Body};
use crate::api::Call;
use crate::error::Error;
use crate::message::id;

/// What an operator wants done.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Action {
    action: String,
    connection: Option<String>,
    user: Option<String>,
    group: Option<String>,
    #[serde(default)]
    all: bool,
    reason: Option<String>,
    permission: Option<String>,
    data_type: Option<String>,
    data: Option<Box<RawValue>>,
    filter: Option<String>,
    #[serde(default)]
    excluded: Vec<String>,
    #[serde(default)]
    ttl_seconds: u16,
}

/// POST `/console/api/hubs/{hub}/actions`. `operator` is what the log calls who acts: a name, or how somebody without one got in.
pub(crate) async fn act(
    call: &Call<'_>,
    operator: &str,
    hub: HubName,
    action: Action,
) -> Result<Response<Body>, Error> {
    tracing::info!(operator, %hub, action = action.action, connection = action.connection, user = action.user, group = action.group, "an operator acts");
    if action.action == "send" {
        return send(call, hub, &action);
    }
    let command = action.command()?;
    let result = match call.shared.router.execute(hub, command).await? {
        Reply::Done => "done",
        Reply::Missing => "missing",
        Reply::LimitReached => "limitReached",
        _ => return Err(Error::Internal("a hub answered with something else than was asked")),
    };
    Ok(answer::json(&json!({"result": result})))
}

impl Action {
    fn command(&self) -> Result<Command, Error> {
        Ok(match self.action.as_str() {
            "close" => Command::Close {
                target: self.target()?,
                excluded: self.excluded(),
                reason: self.reason.as_deref().unwrap_or_default().into(),
            },
            "addToGroup" => Command::Join(self.subject()?, self.group()?),
            "removeFromGroup" => Command::Leave(self.subject()?, self.group()?),
            "removeFromAllGroups" => Command::LeaveAll(self.subject()?),
            "grant" => Command::Grant(self.connection()?, self.permission()?, self.group()?),
            "revoke" => Command::Revoke(self.connection()?, self.permission()?, self.group()?),
            other => return Err(Error::invalid(format!("There is no action `{other}`."))),
        })
    }

    fn connection(&self) -> Result<ConnectionId, Error> {
        let text = self.connection.as_deref().ok_or_else(|| Error::invalid("connection is missing"))?;
        ConnectionId::parse(text).ok_or_else(|| Error::invalid("connection is no connection id"))
    }

    fn group(&self) -> Result<GroupName, Error> {
        Ok(GroupName::parse(self.group.as_deref().unwrap_or_default())?)
    }

    fn permission(&self) -> Result<hubwire_auth::Permission, Error> {
        let parsed = self.permission.as_deref().unwrap_or_default().parse();
        parsed.map_err(|error: hubwire_auth::PermissionError| Error::invalid(error.to_string()))
    }

    fn subject(&self) -> Result<Subject, Error> {
        match (&self.connection, &self.user) {
            (Some(_), None) => Ok(Subject::Connection(self.connection()?)),
            (None, Some(user)) => Ok(Subject::User(UserId::parse(user)?)),
            _ => Err(Error::invalid("exactly one of connection and user says who is meant")),
        }
    }

    /// Who is meant by a send or a close.
    fn target(&self) -> Result<Target, Error> {
        match (&self.connection, &self.user, &self.group, self.all) {
            (Some(_), None, None, false) => Ok(Target::Connection(self.connection()?)),
            (None, Some(user), None, false) => Ok(Target::User(UserId::parse(user)?)),
            (None, None, Some(_), false) => Ok(Target::Group(self.group()?)),
            (None, None, None, true) => Ok(Target::Hub),
            _ => Err(Error::invalid("exactly one of connection, user, group and all says who is meant")),
        }
    }

    fn excluded(&self) -> Arc<[ConnectionId]> {
        self.excluded.iter().filter_map(|id| ConnectionId::parse(id)).collect()
    }

    fn data(&self) -> Result<Data, Error> {
        let raw = self.data.as_deref().map(RawValue::get).filter(|raw| *raw != "null");
        let raw = raw.ok_or_else(|| Error::invalid("data is missing"))?;
        let text = || serde_json::from_str::<String>(raw).map_err(|_| Error::invalid("data is not a text"));
        match self.data_type.as_deref().unwrap_or("text") {
            "text" => Ok(Data::Text(text()?.into())),
            "json" => Ok(Data::Json(Bytes::copy_from_slice(raw.as_bytes()))),
            "binary" => {
                let bytes = STANDARD.decode(text()?).map_err(|_| Error::invalid("data is not base64"))?;
                Ok(Data::Binary(bytes.into()))
            }
            _ => Err(Error::invalid("dataType is text, json or binary")),
        }
    }

    fn envelope(&self, hub: HubName) -> Result<Envelope, Error> {
        if self.ttl_seconds > TTL_S_MAX {
            return Err(Error::invalid(format!("ttlSeconds is a number from 0 to {TTL_S_MAX}")));
        }
        let filter = self.filter.as_deref().filter(|text| !text.trim().is_empty()).map(Filter::parse);
        let filter = filter.transpose().map_err(|error| Error::invalid(error.to_string()))?;
        let target = self.target()?;
        let sender = match &target {
            Target::Group(group) => Sender::Group { group: group.clone(), user: None },
            _ => Sender::Server,
        };
        let message = Message::new(sender, self.data()?, None);
        Ok(Envelope {
            excluded: self.excluded(),
            filter: filter.map(Arc::new),
            source: Source::Operator,
            ttl_s: self.ttl_seconds,
            ..Envelope::new(hub, target, message)
        })
    }
}

fn send(call: &Call<'_>, hub: HubName, action: &Action) -> Result<Response<Body>, Error> {
    let desk = &call.shared.desk;
    let mut envelope = action.envelope(hub)?;
    envelope.accepted_us = desk.clock.monotonic_us();
    envelope.message_id = if desk.is_watching() { desk.next_message() } else { MessageId::default() };
    let message = envelope.message_id;
    let mut fact =
        Fact::of_hub(Some(envelope.hub.clone()), Happening::Published(Box::new(Published::of(&envelope))));
    match &envelope.target {
        Target::Hub => {}
        Target::Group(group) => fact.group = Some(group.clone()),
        Target::User(user) => fact.user = Some(user.clone()),
        Target::Connection(id) => fact.connection = Some(*id),
    }
    call.shared.router.publish(envelope)?;
    let mut shown = json!({"result": "done"});
    if message.is_recorded() {
        desk.observe(None, vec![fact], 0);
        shown["message"] = id(message).into();
    }
    Ok(answer::json(&shown))
}
