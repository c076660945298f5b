use http_body_util::BodyExt;
use serde_json::Value;

use crate::arguments::Trace;
use crate::console::{ConsoleClient, Events, Query};
use crate::output::{self, harmless};

const DAY_S: u64 = 86_400;

/// Prints what happens until it is interrupted, or the service stops.
pub(crate) fn run(trace: &Trace) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            ended = follow(trace) => ended,
            interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        }
    })
}

async fn follow(trace: &Trace) -> anyhow::Result<()> {
    let console = ConsoleClient::find(&trace.access)?;
    let kinds = trace.kinds.join(",");
    let query = Query::default()
        .with("hub", trace.hub.as_deref())
        .with("group", trace.group.as_deref())
        .with("user", trace.user.as_deref())
        .with("connection", trace.connection.as_deref())
        .with("kind", Some(&*kinds).filter(|kinds| !kinds.is_empty()))
        .with("level", trace.warnings.then_some("warning"))
        .with("text", trace.text.as_deref())
        .with("history", Some(&trace.history.to_string()));
    let mut body = console.get("trace", &query).await?.into_body();
    output::error("following; Ctrl+C ends");
    let (mut events, mut dropped) = (Events::default(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame?.into_data() else {
            continue;
        };
        for (name, event) in events.take(&piece)? {
            match name.as_str() {
                "trace" if trace.access.json => output::line(&event.to_string())?,
                "trace" => output::line(&line(&event))?,
                _ => tell_drops(&event, &mut dropped),
            }
        }
    }
    anyhow::bail!("the service ended the trace")
}

/// Says so if events were dropped since the last time.
fn tell_drops(status: &Value, dropped: &mut u64) {
    let count = |name: &str| status[name].as_u64().unwrap_or_default();
    let now = count("dropped") + count("sourceDropped");
    if now > *dropped {
        output::error(&format!("{} events were dropped: too many to be shown", now - *dropped));
        *dropped = now;
    }
}

/// `12:30:01.234 warning chat requestRefused: alice (8f0e1234) was refused …`
fn line(event: &Value) -> String {
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    let mark = if text("level") == "warning" { "!" } else { " " };
    let hub = if text("hub").is_empty() { "-" } else { text("hub") };
    let time = clock(event["time"].as_u64().unwrap_or_default());
    let mut line = format!("{time} {mark} {hub:12} {:18} {}", text("kind"), text("text"));
    if let Some(payload) = event["detail"]["payload"].as_str() {
        line.push_str(&format!(": {payload}"));
    }
    harmless(&line)
}

/// The time of day, in UTC.
fn clock(unix_ms: u64) -> String {
    let day_s = unix_ms / 1000 % DAY_S;
    let (hours, minutes, seconds) = (day_s / 3600, day_s / 60 % 60, day_s % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", unix_ms % 1000)
}
