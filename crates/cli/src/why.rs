use serde_json::Value;

use crate::arguments::Why;
use crate::console::{ConsoleClient, Query};
use crate::output::{self, harmless};

/// Asks why a message reached somebody, or not, and prints the answer.
pub(crate) fn run(why: &Why) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let console = ConsoleClient::find(&why.access)?;
    let query = Query::default()
        .with("hub", Some(&why.hub))
        .with("message", why.message.as_deref())
        .with("toGroup", why.to_group.as_deref())
        .with("toUser", why.to_user.as_deref())
        .with("toConnection", why.to_connection.as_deref())
        .with("text", why.text.as_deref())
        .with("connection", why.missing.connection.as_deref())
        .with("user", why.missing.user.as_deref())
        .with("group", why.missing.group.as_deref());
    let explained = runtime.block_on(console.document("why", &query))?;
    if why.access.json {
        return Ok(output::line(&explained.to_string())?);
    }
    for line in lines(&explained) {
        output::line(&harmless(&line))?;
    }
    Ok(())
}

fn lines(explained: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(message) = explained["message"].as_object() {
        let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
        let target = &message["target"];
        let name = target["name"].as_str().map(|name| format!(" {name}")).unwrap_or_default();
        let kind = target["kind"].as_str().unwrap_or_default();
        lines.push(format!("message {} to {kind}{name}: {}", text("message"), text("payload")));
    }
    for answer in explained["answers"].as_array().into_iter().flatten() {
        lines.push(answered(answer));
    }
    let more = explained["moreAnswers"].as_u64().unwrap_or_default();
    if more > 0 {
        lines.push(format!("… and {more} more"));
    }
    if explained["message"].is_null() {
        lines.push("Recording goes on for ten minutes from now: publish again, then ask again.".to_owned());
    }
    lines
}

/// `no  alice 8f0e…  notInGroup: It was not …`
fn answered(answer: &Value) -> String {
    let text = |name: &str| answer[name].as_str().unwrap_or_default();
    let arrived = match answer["arrived"].as_bool() {
        Some(true) => "yes",
        Some(false) => "no",
        None => "?",
    };
    let who = [text("user"), text("connection")].join(" ");
    format!("{arrived:3}  {}  {}: {}", who.trim(), text("rule"), text("text"))
}
