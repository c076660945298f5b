//! The live trace of other nodes: asked for while somebody watches, and shown beside this one's.

use std::collections::HashMap;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::api::Call;
use crate::console::Console;
use crate::error::Error;
use crate::history::ENTRIES_MAX;
use crate::interest::Interest;
use crate::peers;
use crate::viewer::Feed;

/// How often other nodes are asked, in milliseconds: soon enough for a person, and seldom enough to cost little.
const ASK_INTERVAL_MS: u64 = 500;
/// Events that one node tells at a time; with the interval some 400 in a second.
const TOLD_MAX: usize = 200;

impl Call<'_> {
    /// Has other nodes record for a while, beside what is answered here.
    pub(crate) fn want_elsewhere(&self) {
        if self.alone || self.console.has_no_peers() {
            return;
        }
        let console = self.console.clone();
        tokio::spawn(async move { drop(peers::ask(console.shared(), "want").await) });
    }
}

/// What has happened in this node since an event that another node has seen; the latest, if it has seen none.
pub(crate) fn since(call: &Call<'_>) -> Result<Value, Error> {
    let (parameters, desk) = (call.parameters(), &call.shared.desk);
    let interest = Interest::parse(&parameters)?;
    let past_max = parameters.number("history", 0..=ENTRIES_MAX as u64, 0)? as usize;
    desk.want();
    let history = desk.history();
    let last_seq = desk.last_seq();
    let seen = parameters.get("seen").unwrap_or_default().split(',').find_map(|seen| {
        let (node, seq) = seen.split_once(':')?;
        (desk.node() == Some(node)).then(|| seq.parse::<u64>().ok()).flatten()
    });
    // Who has seen more than there is has seen another run of the node.
    let seen = seen.filter(|seen| *seen <= last_seq);
    let news = history.entries().take_while(|entry| entry.seq > seen.unwrap_or_default());
    let fitting: Vec<_> = news.filter(|entry| interest.fits(entry)).cloned().collect();
    let oldest_seq = history.entries().last().map_or(last_seq + 1, |entry| entry.seq);
    drop(history);
    let shown_max = seen.map_or(past_max.min(TOLD_MAX), |_| TOLD_MAX);
    let skipped = seen.map_or(0, |seen| {
        let forgotten = oldest_seq.saturating_sub(seen + 1);
        fitting.len().saturating_sub(shown_max) as u64 + forgotten
    });
    let shown: Vec<_> = fitting.iter().take(shown_max).rev().map(|entry| entry.json()).collect();
    Ok(json!({"entries": shown, "lastSeq": last_seq, "skipped": skipped}))
}

/// Shows a viewer what happens in other nodes, for as long as it follows.
pub(crate) fn follow_elsewhere(call: &Call<'_>, feed: Feed, past_max: usize) {
    if call.console.has_no_peers() {
        return;
    }
    let (console, query) = (call.console.clone(), call.head.uri.query().unwrap_or_default());
    let own = |pair: &&str| pair.is_empty() || pair.starts_with("history=") || pair.starts_with("after=");
    let wanted: String = query.split('&').filter(|pair| !own(pair)).map(|pair| format!("&{pair}")).collect();
    tokio::spawn(follow(console, feed, wanted, past_max));
}

async fn follow(console: Console, feed: Feed, wanted: String, past_max: usize) {
    let mut seen: HashMap<String, u64> = HashMap::new();
    let mut silent = Vec::new();
    while !feed.frames.is_closed() {
        let list: Vec<_> = seen.iter().map(|(node, seq)| format!("{node}:{seq}")).collect();
        let list = utf8_percent_encode(&list.join(","), NON_ALPHANUMERIC).to_string();
        let place = format!("trace?seen={list}&history={past_max}{wanted}");
        let others = peers::ask(console.shared(), &place).await;
        let mut entries: Vec<Value> = Vec::new();
        for (node, answer) in &others.answers {
            seen.insert(node.clone(), answer["lastSeq"].as_u64().unwrap_or_default());
            feed.drop(answer["skipped"].as_u64().unwrap_or_default());
            entries.extend(answer["entries"].as_array().into_iter().flatten().cloned());
        }
        entries.sort_by_key(|entry| entry["time"].as_u64());
        for mut entry in entries {
            // Without an id: where a viewer goes on after a break is told by this node's events.
            entry["elsewhere"] = true.into();
            feed.offer(format!("event: trace\ndata: {entry}\n\n").into());
        }
        if others.silent != silent {
            silent = others.silent;
            feed.offer(format!("event: nodes\ndata: {}\n\n", json!({"silent": silent})).into());
        }
        tokio::time::sleep(Duration::from_millis(ASK_INTERVAL_MS)).await;
    }
}
