use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use crate::arguments::Trace;
use crate::console::{ConsoleClient, Events, Query};
use crate::output::{self, harmless};

const DAY_S: u64 = 86_400;
/// How long to wait before a connection that was lost is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// The most past events that a console gives.
const HISTORY_MAX: u32 = 2_000;

/// Prints what happens until it is interrupted; a connection that is lost is made again.
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
    // What is wrong at first, such as a token, will be wrong again.
    let mut body = console.get("trace", &query(trace, None)).await?.into_body();
    output::error("following; Ctrl+C ends");
    let mut seen = Seen::default();
    loop {
        // However a connection ends, the next one says more.
        let _lost = print(trace, body, &mut seen).await;
        output::error("the connection is lost; trying again");
        body = loop {
            tokio::time::sleep(RETRY_PAUSE).await;
            if let Ok(response) = console.get("trace", &query(trace, Some(seen.last))).await {
                break response.into_body();
            }
        };
        output::error("following again");
    }
}

/// What has been printed.
#[derive(Default)]
struct Seen {
    /// The number of the last event.
    last: u64,
    /// Events that were dropped, as far as that was told.
    dropped: u64,
}

/// Prints events until the stream ends.
async fn print(trace: &Trace, mut body: Incoming, seen: &mut Seen) -> anyhow::Result<()> {
    let mut events = Events::default();
    seen.dropped = 0;
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame?.into_data() else {
            continue;
        };
        for (name, event) in events.take(&piece)? {
            if name == "nodes" {
                tell_silence(&event);
                continue;
            }
            if name != "trace" {
                tell_drops(&event, &mut seen.dropped);
                continue;
            }
            // The numbers of other nodes are others.
            if event["elsewhere"].is_null() {
                seen.last = event["seq"].as_u64().unwrap_or(seen.last);
            }
            let shown = if trace.access.json { event.to_string() } else { line(&event) };
            output::line(&shown)?;
        }
    }
    Ok(())
}

/// Says which nodes of the cluster do not answer, so that what happens there is not shown.
fn tell_silence(event: &Value) {
    let silent: Vec<_> = event["silent"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !silent.is_empty() {
        output::error(&format!(
            "hubwire: no answer from {}: what happens there is missing",
            silent.join(", ")
        ));
    }
}

/// What is wanted: at first some of the past, later all that came since.
fn query(trace: &Trace, after: Option<u64>) -> Query {
    let kinds = trace.kinds.join(",");
    let (history, after) = match after {
        None => (trace.history.to_string(), None),
        Some(after) => (HISTORY_MAX.to_string(), Some(after.to_string())),
    };
    Query::default()
        .with("hub", trace.hub.as_deref())
        .with("group", trace.group.as_deref())
        .with("user", trace.user.as_deref())
        .with("connection", trace.connection.as_deref())
        .with("kind", Some(&*kinds).filter(|kinds| !kinds.is_empty()))
        .with("level", trace.warnings.then_some("warning"))
        .with("text", trace.text.as_deref())
        .with("history", Some(&history))
        .with("after", after.as_deref())
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
    let node = if text("node").is_empty() { String::new() } else { format!("{} ", text("node")) };
    let mut line = format!("{time} {node}{mark} {hub:12} {:18} {}", text("kind"), text("text"));
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
