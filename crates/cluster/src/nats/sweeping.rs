//! Looks through the registry for dead nodes, and reads what became of their sessions.

use std::collections::HashMap;

use prost::Message;

use super::jetstream::JetStream;
use super::log_entry::{self, Kept};
use super::log_schema::NodeRecord;
use super::registry::Stored;
use super::replay::{Found, Replay};
use super::settings::LogSettings;
use super::takeover::{Sweep, Swept};
use crate::hashing::Hashing;

/// Claims the dead nodes that are this one's, and reads their sessions and the log behind them. What went wrong is tried again: a node that is
/// claimed stays claimed.
pub(super) async fn sweep(
    streams: &JetStream,
    own: u32,
    sweep: &Sweep,
    settings: &LogSettings,
) -> Result<Swept, String> {
    let mut swept = Swept { nodes: Vec::new(), replay: None, ended: Vec::new(), again: false };
    let mut claimed = HashMap::new();
    let nodes = streams.nodes().await?;
    let newest_ms = nodes.iter().map(|(_, record)| record.time_ms).max().unwrap_or_default();
    for (node, kept) in nodes.iter().filter(|(node, _)| !sweep.alive.contains(node)) {
        let record = NodeRecord::decode(kept.payload.clone()).map_err(|error| error.to_string())?;
        if record.heir.is_some_and(|heir| heir != own && sweep.alive.contains(&heir)) {
            continue;
        }
        let silent_ms = newest_ms.saturating_sub(kept.time_ms);
        let is_stale = silent_ms >= i64::try_from(sweep.stale_ms).unwrap_or(i64::MAX);
        let is_own = record.heir == Some(own);
        if !is_own && !is_stale && !sweep.departed.contains(node) {
            swept.again = true;
            continue;
        }
        if Hashing::choose(u64::from(*node), sweep.alive.iter().copied()) != Some(own) && !is_own {
            continue;
        }
        let claim = NodeRecord { heir: Some(own), ..record };
        if is_own || matches!(streams.claim(*node, claim, kept.sequence).await, Stored::Revision(_)) {
            claimed.insert(*node, record.position);
        } else {
            swept.again = true;
        }
    }
    if claimed.is_empty() {
        return Ok(swept);
    }
    let found = sessions(streams, &claimed, &mut swept).await?;
    swept.nodes = claimed.into_keys().collect();
    swept.replay = replay(streams, found, sweep.until, newest_ms, settings).await?;
    Ok(swept)
}

/// The sessions of claimed nodes.
async fn sessions(
    streams: &JetStream,
    claimed: &HashMap<u32, u64>,
    swept: &mut Swept,
) -> Result<Vec<Found>, String> {
    let mut found = Vec::new();
    streams
        .sessions(|kept| match log_entry::kept(kept.payload) {
            Ok((owner, session)) => {
                let (Some(position), revision) = (claimed.get(&owner), kept.sequence) else {
                    return;
                };
                match session {
                    Kept::Session(session) => {
                        let mut session = *session;
                        session.position = session.position.max(*position);
                        found.push(Found { session, revision, owner });
                    }
                    Kept::Ended(event) => swept.ended.push((*event, revision)),
                }
            }
            Err(error) => {
                tracing::error!(subject = kept.subject, "a record of the registry is not understood");
                super::arrival::refuse(&error);
            }
        })
        .await?;
    Ok(found)
}

/// What the log says about sessions.
async fn replay(
    streams: &JetStream,
    found: Vec<Found>,
    until: u64,
    now_ms: i64,
    settings: &LogSettings,
) -> Result<Option<Box<Replay>>, String> {
    let mut replay = Box::new(Replay::new(found, settings));
    if replay.is_empty() {
        return Ok(None);
    }
    let needed = replay.first();
    if needed <= until {
        let first = streams.first_position().await?;
        replay.begins_at(first);
        let take = |kept: super::jetstream::Kept| match log_entry::decode(kept.payload) {
            Ok(read) => {
                let late_ms = u64::try_from(now_ms.saturating_sub(kept.time_ms)).unwrap_or_default();
                replay.apply(kept.sequence, &read.entry, late_ms);
            }
            Err(error) => super::arrival::refuse(&error),
        };
        streams.entries(needed.max(first), until, take).await?;
    }
    Ok(Some(replay))
}
