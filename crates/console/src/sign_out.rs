//! That a session has ended, told to all nodes; a node that comes later, or was not reached, asks.

use std::time::Duration;

use http::Response;
use serde_json::json;

use crate::answer::{self, Body};
use crate::api::Call;
use crate::console::Shared;
use crate::error::Error;
use crate::peers::{self, Others};
use crate::revocations::Told;
use crate::session::Session;

/// How often a node asks the others which sessions have ended, in milliseconds: so much later it knows what it could not be told, once they answer.
const ASK_INTERVAL_MS: u64 = 10_000;
/// The question, below `/console/api/`, and what it says if a session has just ended.
pub(crate) const QUESTION: &str = "revocations";

/// Ends a session everywhere. Comes back when all nodes know that answer in time.
pub(crate) async fn end(shared: &Shared, session: &Session) {
    let now_ms = shared.desk.clock.unix_ms();
    shared.sessions.revocations().add(session.id, session.began_ms, now_ms);
    let question = format!("{QUESTION}?session={:032x}&began={}", session.id, session.began_ms);
    let others = peers::ask(shared, &question).await;
    if !others.silent.is_empty() {
        let nodes = others.silent.join(", ");
        tracing::warn!(
            nodes,
            "nodes that did not answer learn later that a session of the console has ended"
        );
    }
    take_in(shared, &others);
}

/// Comes back when this node knows which sessions have ended: at once, but for the first time.
pub(crate) async fn known(shared: &Shared) {
    let first = async {
        if shared.peers.is_some() && !learn(shared).await {
            // Nobody is there who could know what ended before, so all that began before is over: people sign in again. What ends from now on is told.
            shared.sessions.revocations().end_before(shared.desk.started_ms);
        }
    };
    shared.sessions.known.get_or_init(|| first).await;
}

/// Asks the other nodes again and again.
pub(crate) async fn follow(shared: &Shared) {
    known(shared).await;
    loop {
        tokio::time::sleep(Duration::from_millis(ASK_INTERVAL_MS)).await;
        learn(shared).await;
    }
}

/// What this node knows, for one that asks, and may have something to tell itself.
pub(crate) fn answer(call: &Call<'_>) -> Result<Response<Body>, Error> {
    let (sessions, parameters) = (&call.shared.sessions, call.parameters());
    let began_ms = parameters.number("began", 0..=u64::MAX, 0)?;
    let id = parameters.get("session").and_then(|id| u128::from_str_radix(id, 16).ok());
    if let Some(id) = id {
        sessions.revocations().add(id, began_ms, call.shared.desk.clock.unix_ms());
    }
    if !sessions.known.initialized() {
        // Two nodes that start at the same time must not take each other for one that knows.
        return Err(Error::NotKnown);
    }
    Ok(answer::json(&json!(sessions.revocations().told())))
}

/// Asks the other nodes, and says whether one of them knew.
async fn learn(shared: &Shared) -> bool {
    let others = peers::ask(shared, QUESTION).await;
    take_in(shared, &others)
}

fn take_in(shared: &Shared, others: &Others) -> bool {
    let now_ms = shared.desk.clock.unix_ms();
    let told =
        others.answers.iter().filter_map(|(_, told)| serde_json::from_value::<Told>(told.clone()).ok());
    let mut revocations = shared.sessions.revocations();
    told.map(|told| revocations.merge(&told, now_ms)).count() > 0
}
