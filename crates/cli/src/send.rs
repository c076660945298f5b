use std::io::BufRead;

use anyhow::{Context, bail};
use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::arguments::{Recipients, Send};
use crate::client::JsonClient;
use crate::rest_call;
use crate::service::Service;

/// What stands in a path segment as it is (RFC 3986 §2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Sends, and comes back when the service has accepted everything.
pub(crate) fn run(send: &Send) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let service = Service::find(&send.access)?;
        match &send.recipients.group {
            Some(group) => publish(send, &service, group).await,
            None => call(send, &service).await,
        }
    })
}

/// The messages in turn: the argument, or each line of standard input.
fn messages(send: &Send) -> Box<dyn Iterator<Item = anyhow::Result<String>>> {
    if send.message != "-" {
        return Box::new(std::iter::once(Ok(send.message.clone())));
    }
    Box::new(std::io::stdin().lock().lines().map(|line| line.context("standard input cannot be read")))
}

/// Checks that a message is a JSON document that clients can be shown; it is sent as it was written.
fn check_document(message: &str) -> anyhow::Result<()> {
    let document: Value =
        serde_json::from_str(message).with_context(|| format!("--json: `{message}` is not JSON"))?;
    if document.is_null() {
        bail!("--json: no client can be shown null");
    }
    Ok(())
}

/// A frame that publishes to a group.
fn frame(send: &Send, group: &str, ack_id: u64, message: &str) -> anyhow::Result<String> {
    let group = json!(group);
    if send.json {
        check_document(message)?;
        return Ok(format!(
            r#"{{"type":"sendToGroup","group":{group},"ackId":{ack_id},"dataType":"json","data":{message}}}"#
        ));
    }
    let text = json!(message);
    Ok(format!(
        r#"{{"type":"sendToGroup","group":{group},"ackId":{ack_id},"dataType":"text","data":{text}}}"#
    ))
}

/// As a client of the JSON protocol, with an acknowledgement for each message.
async fn publish(send: &Send, service: &Service, group: &str) -> anyhow::Result<()> {
    let roles = [format!("webpubsub.sendToGroup.{group}")];
    let mut client = JsonClient::connect(service, send.user.as_deref(), &roles, &[]).await?;
    for (ack_id, message) in (1_u64..).zip(messages(send)) {
        client.send(frame(send, group, ack_id, &message?)?).await?;
        acknowledged(&mut client, ack_id).await?;
    }
    client.close().await
}

async fn acknowledged(client: &mut JsonClient, ack_id: u64) -> anyhow::Result<()> {
    loop {
        let (_, frame) = client.next().await?;
        if frame["type"] != "ack" || frame["ackId"] != ack_id {
            continue;
        }
        if frame["success"] == true {
            return Ok(());
        }
        let error = &frame["error"];
        let text = |member: &str| error[member].as_str().unwrap_or_default().to_owned();
        bail!("the message was refused: {}: {}", text("name"), text("message"));
    }
}

/// Through REST: clients can send to groups only.
async fn call(send: &Send, service: &Service) -> anyhow::Result<()> {
    if let Some(user) = send.recipients.to_user.as_deref().filter(|user| user.contains('/')) {
        bail!("--to-user `{user}`: REST cannot address a user whose id has a slash");
    }
    let path = format!("/api/hubs/{}{}/:send", service.hub, place(&send.recipients));
    for message in messages(send) {
        let message = message?;
        let content_type = if send.json {
            check_document(&message)?;
            HeaderValue::from_static("application/json")
        } else {
            HeaderValue::from_static("text/plain")
        };
        rest_call::post(service, &path, content_type, message).await?;
    }
    Ok(())
}

/// The part of the path between the hub and the operation. REST cannot address a name with a slash: the service takes `%2F` for three
/// characters.
fn place(recipients: &Recipients) -> String {
    let segment = |kind: &str, name: &str| format!("/{kind}/{}", utf8_percent_encode(name, SEGMENT));
    match (&recipients.to_user, &recipients.connection) {
        (Some(user), _) => segment("users", user),
        (None, Some(connection)) => segment("connections", connection),
        (None, None) => String::new(),
    }
}
