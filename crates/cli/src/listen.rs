use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::arguments::Listen;
use crate::client::JsonClient;
use crate::output::{self, harmless};
use crate::service::Service;

/// Joins and prints until it is interrupted, or the service closes the connection.
pub(crate) fn run(listen: &Listen) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            ended = follow(listen) => ended,
            interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        }
    })
}

async fn follow(listen: &Listen) -> anyhow::Result<()> {
    let service = Service::find(&listen.access)?;
    // The groups stand in the token: the client is in them from its first moment, and needs no role for it.
    let mut client = JsonClient::connect(&service, listen.user.as_deref(), &[], &listen.groups).await?;
    loop {
        let (text, frame) = client.next().await?;
        if listen.raw {
            output::line(&text)?;
        } else if frame["type"] == "message" {
            output::line(&readable(&text)?)?;
        } else {
            output::error(&harmless(&status(&frame, listen)));
        }
    }
}

/// What matters of a message. The payload stays as it was written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    group: Option<String>,
    from_user_id: Option<String>,
    data_type: String,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// `[group room] alice: hello`, or `[server] hello`.
fn readable(text: &str) -> anyhow::Result<String> {
    let message: Message<'_> =
        serde_json::from_str(text).context("the service sent a message without data")?;
    let data = match serde_json::from_str::<String>(message.data.get()) {
        Ok(text) if message.data_type == "binary" => format!("base64 {text}"),
        Ok(text) => text,
        Err(_) => message.data.get().to_owned(),
    };
    let line = match (message.group, message.from_user_id) {
        (Some(group), Some(user)) => format!("[group {group}] {user}: {data}"),
        (Some(group), None) => format!("[group {group}] {data}"),
        _ => format!("[server] {data}"),
    };
    Ok(harmless(&line))
}

fn status(frame: &Value, listen: &Listen) -> String {
    match frame["event"].as_str() {
        Some("connected") => {
            let groups = if listen.groups.is_empty() {
                String::new()
            } else {
                format!(" in {}", listen.groups.join(", "))
            };
            let id = frame["connectionId"].as_str().unwrap_or_default();
            format!("connected to hub {} as {id}{groups}; Ctrl+C ends", listen.access.hub)
        }
        Some("disconnected") => format!("disconnected: {}", frame["message"].as_str().unwrap_or_default()),
        _ => frame.to_string(),
    }
}
