//! What waits to be delivered: kept before anybody relies on it, delivered in order within its lane, repeated with back-off, and parked as a
//! dead letter when nothing helps.
//!
//! Its nouns: an [`Entry`] is opaque bytes for a *destination*, in a *lane* of it. The [`Outbox`] hands out a [`Delivery`] when one is due, at
//! most one of each lane at a time, and is told what came of it. A [`DeadLetter`] is an entry that was given up. A *life* is an end that will
//! have to be told even if the process does not live to tell it.
//!
//! It must never know what is in an entry, or how a destination is reached.

mod admin;
mod backoff;
mod delivery;
mod disk;
mod entry;
mod error;
mod index;
mod limits;
mod memory;
mod outbox;
mod store;

pub use admin::{Request, Response, ask, serve, socket_path};
pub use delivery::{Counts, DeadLetter, Delivery, Failure, Which};
pub use entry::{Entry, Life, Serial};
pub use error::Error;
pub use limits::Limits;
pub use outbox::{Outbox, Place};
