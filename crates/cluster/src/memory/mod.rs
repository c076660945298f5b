//! The workers of one process.

mod exchange;
mod inbox;
mod interest;
mod router;

pub use exchange::Exchange;
pub use inbox::InboxLimits;
pub use router::Router;

use std::sync::Arc;

use crate::hashing::Hashing;

pub(crate) use interest::{InterestTable, SLOTS};

/// The most workers that one process can have: one bit each in the table of interests, and one byte in every connection id.
pub const WORKERS_MAX: usize = 64;

/// Ties so many shards together: an exchange for each of them, in order, and the router to all.
///
/// # Panics
/// If there are no workers, or more than [`WORKERS_MAX`]; the configuration is checked for that.
pub fn connect(workers: usize, limits: InboxLimits) -> (Vec<Exchange>, Arc<Router>) {
    connect_by(workers, limits, Hashing::random())
}

/// The same, with a way of hashing that other processes may share.
pub(crate) fn connect_by(
    workers: usize,
    limits: InboxLimits,
    hashing: Hashing,
) -> (Vec<Exchange>, Arc<Router>) {
    assert!((1..=WORKERS_MAX).contains(&workers), "between 1 and {WORKERS_MAX} workers");
    let table = Arc::new(InterestTable::new(hashing));
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..workers).map(|_| inbox::inbox(limits)).unzip();
    let router = Arc::new(Router::new(table.clone(), senders));
    let exchange = |(worker, inbox)| Exchange::new(worker, inbox, table.clone(), router.clone());
    (receivers.into_iter().enumerate().map(exchange).collect(), router)
}
