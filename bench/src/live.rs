//! Loads any endpoint that speaks the protocols, near or far, and says what became of the messages.

mod accounts;
mod dial;
mod load;
mod outcome;
mod page;
mod plot;
mod session;

pub use load::{Load, LoadError};
pub use outcome::{Latency, Outcome, Second};

use anyhow::Result;
use session::Session;
use std::sync::atomic::AtomicBool;

/// Connects, publishes for the time asked for, waits for the last delivery, and tells `progress` of every second.
///
/// Setting `stop` ends it early, with what was measured until then.
///
/// # Errors
/// If the load is out of bounds, the endpoint cannot be found or connected to, or a client or the first publishes are refused.
pub fn run(load: &Load, stop: &AtomicBool, progress: impl FnMut(&Second)) -> Result<Outcome> {
    load.check()?;
    let mut session = Session::open(load, stop)?;
    session.publish_first(stop)?;
    session.measure(stop, progress)
}
