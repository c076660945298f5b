//! Looks through the registry for dead nodes, and reads what became of their sessions.

use std::collections::HashMap;
use std::ops::ControlFlow;

use prost::Message;

use super::log_entry::{self, Kept};
use super::log_schema::NodeRecord;
use super::pieces::{Pieces, Taken};
use super::registry::Stored;
use super::replay::{Found, Replay};
use super::settings::LogSettings;
use super::streams::{Kept as StoredMessage, Streams};
use super::takeover::{Sweep, Swept};
use crate::hashing::Hashing;

/// Claims the dead nodes that are this one's, and reads their sessions and the log behind them. What went wrong is tried again: a node that is
/// claimed stays claimed.
pub(super) async fn sweep(
    streams: &impl Streams,
    own: u32,
    sweep: &Sweep,
    settings: &LogSettings,
) -> Result<Swept, String> {
    let mut swept = Swept { nodes: Vec::new(), replay: None, ended: Vec::new(), term: 0, again: false };
    let (claimed, newest_ms) = claim(streams, own, sweep, &mut swept).await?;
    if claimed.is_empty() {
        return Ok(swept);
    }
    let found = sessions(streams, &claimed, &mut swept).await?;
    swept.nodes = claimed.into_keys().collect();
    swept.replay = replay(streams, found, sweep.until, newest_ms, settings).await?;
    Ok(swept)
}

/// What is to be done about a node that is not known to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    /// Nothing: somebody else's, or this one's already.
    Settled,
    /// It may live.
    Unsure,
    /// It is this one's to claim.
    Claimable,
    /// It is claimed by this one, which did not get on.
    Claimed,
}

/// Claims the dead nodes that are this one's. Answers up to where the records of each are all there is to know, and the time of the newest record.
async fn claim(
    streams: &impl Streams,
    own: u32,
    sweep: &Sweep,
    swept: &mut Swept,
) -> Result<(HashMap<u32, u64>, i64), String> {
    let decode = |(node, kept): &(u32, StoredMessage)| {
        NodeRecord::decode(kept.payload.clone()).map(|record| (*node, (record, kept.clone())))
    };
    let mut claimed = HashMap::new();
    let mut lost = Vec::new();
    // Whoever has a node's sessions also has those of the nodes that it was about to take, so these come behind it. And a node that was claimed itself
    // before it claimed another one must not write anything of that one's sessions: nobody would look for it. So all are read once more behind
    // the last claim.
    loop {
        let nodes = streams.nodes().await?;
        let newest_ms = nodes.iter().map(|(_, record)| record.time_ms).max().unwrap_or_default();
        let records: HashMap<_, _> =
            nodes.iter().map(decode).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        // Once that one has them, the record is gone.
        if records.get(&own).is_none_or(|(record, _)| record.heir.is_some()) {
            return Err("another node has the sessions of this one".to_owned());
        }
        let before = claimed.len();
        for (node, _) in &nodes {
            if claimed.contains_key(node) || lost.contains(node) {
                continue;
            }
            let case = case(*node, own, sweep, (&records, newest_ms), &claimed);
            swept.again |= case == Case::Unsure;
            let (record, kept) = &records[node];
            let claim = NodeRecord { heir: Some(own), ..*record };
            match case {
                Case::Settled | Case::Unsure => continue,
                Case::Claimed => swept.term = swept.term.max(kept.sequence),
                Case::Claimable => {
                    match streams.claim(*node, claim, kept.sequence).await {
                        Stored::Revision(revision) => swept.term = swept.term.max(revision),
                        Stored::Lost => {
                            lost.push(*node);
                            swept.again = true;
                            continue;
                        }
                        // Sessions that began on one node may stand under several: those that are here count for all of them, so none may be
                        // taken without the others.
                        stored => return Err(format!("the claim of a node is not answered: {stored:?}")),
                    }
                }
            }
            claimed.insert(*node, record.position);
        }
        if claimed.len() == before {
            return Ok((claimed, newest_ms));
        }
    }
}

fn case(
    node: u32,
    own: u32,
    sweep: &Sweep,
    (records, newest_ms): (&HashMap<u32, (NodeRecord, StoredMessage)>, i64),
    claimed: &HashMap<u32, u64>,
) -> Case {
    if sweep.taken.contains(&node) {
        return Case::Settled;
    }
    let (record, kept) = &records[&node];
    // Whoever is named in it has its sessions, also while the node itself lives and does not know that yet.
    match record.heir {
        Some(heir) if heir == own => return Case::Claimed,
        Some(heir) if sweep.alive.contains(&heir) => return Case::Settled,
        Some(heir) if claimed.contains_key(&heir) || sweep.taken.contains(&heir) => return Case::Claimable,
        Some(heir) if records.contains_key(&heir) => return Case::Settled,
        _ => {}
    }
    if sweep.alive.contains(&node) {
        return Case::Settled;
    }
    let silent_ms = newest_ms.saturating_sub(kept.time_ms);
    let is_stale = silent_ms >= i64::try_from(sweep.stale_ms).unwrap_or(i64::MAX);
    if !is_stale && !sweep.departed.contains(&node) {
        return Case::Unsure;
    }
    let chosen = Hashing::choose(u64::from(node), sweep.alive.iter().copied());
    if chosen == Some(own) { Case::Claimable } else { Case::Settled }
}

/// The sessions of claimed nodes.
async fn sessions(
    streams: &impl Streams,
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
                    Kept::Ended(parting) => swept.ended.push((*parting, revision, owner)),
                }
            }
            Err(error) => {
                tracing::error!(revision = kept.sequence, "a record of the registry is not understood");
                super::arrival::refuse(&error);
            }
        })
        .await?;
    Ok(found)
}

/// What the log says about sessions.
async fn replay(
    streams: &impl Streams,
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
        read_log(streams, &mut replay, needed.max(first), until, now_ms).await?;
    }
    Ok(Some(replay))
}

/// Has everything applied that stands between two positions.
async fn read_log(
    streams: &impl Streams,
    replay: &mut Replay,
    mut from: u64,
    until: u64,
    now_ms: i64,
) -> Result<(), String> {
    let mut read = Pieces::default();
    loop {
        let mut incomplete = None;
        let take = |kept: StoredMessage| {
            let (position, late_ms) = (kept.sequence, now_ms.saturating_sub(kept.time_ms));
            match read.take(position, kept.payload) {
                Taken::Line(line) => replay.take(position, line, u64::try_from(late_ms).unwrap_or_default()),
                Taken::Incomplete(pieces) => {
                    incomplete = Some((position, pieces, late_ms));
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        };
        streams.entries(from, until, take).await?;
        let Some((position, pieces, late_ms)) = incomplete else {
            return Ok(());
        };
        let line = read.complete(streams, pieces).await?;
        replay.take(position, line, u64::try_from(late_ms).unwrap_or_default());
        if position == until {
            return Ok(());
        }
        from = position + 1;
    }
}
