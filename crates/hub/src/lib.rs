//! The heart of Hubwire: hubs, and the connections, groups, users and sessions in them, without any input or output of its own.
//!
//! Its nouns: a [`Shard`] owns the connections of one worker and all that is indexed by them. An [`Envelope`] is one publish, a
//! [`Command`] is what an application asks, a [`Reply`] what came of it; a [`Router`] takes both to all shards. What a shard wants of its
//! surroundings is an [`Effect`]; what happens in it is an [`Event`], of which an [`Application`] is told; what it wants written waits in a connection's [`Outbox`].
//!
//! It must never know about sockets, runtimes, clocks or random sources: time is handed in as milliseconds on a monotonic clock.

mod ack_memory;
mod activity;
mod application;
mod backpressure;
mod command;
mod connection;
mod counters;
mod deadline;
mod delivery;
mod effect;
mod encoding;
mod envelope;
mod event;
mod exchange;
mod execute;
mod expiry;
mod frame_queue;
mod group;
mod group_state;
mod homes;
mod hub;
mod invocation;
mod letter;
mod limits;
mod luggage;
mod outbox;
mod presence;
mod raise;
mod request;
mod router;
mod selection;
mod session;
mod shard;
mod state_home;
mod stream;
mod user;
mod window;

pub use application::{Acceptance, Application, Attempt, Decision, NoApplication, Rejection};
pub use command::{Command, Member, Reply, Scope, Subject};
pub use connection::{ConnectionKey, Opening, Protocol, SimpleMode};
pub use counters::Counters;
pub use effect::Effect;
pub use envelope::{Envelope, Target};
pub use event::{Answer, Event, Occurrence, Question, Unanswered};
pub use exchange::{Exchange, Mark, Parcel};
pub use homes::Homes;
pub use letter::{Letter, Recipient};
pub use limits::Limits;
pub use luggage::{KeptMessage, Luggage, OpenStream};
pub use outbox::{Outbound, Outbox};
pub use presence::{GroupEvents, Membership, Presence};
pub use router::{Busy, Routed, Router, Settled};
pub use session::Ending;
pub use shard::Shard;
