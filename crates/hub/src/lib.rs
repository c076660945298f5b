//! The heart of Hubwire: hubs, and the connections, groups, users and sessions in them, without any input or output of its own.
//!
//! Its nouns: a [`Shard`] owns the connections of one worker and all that is indexed by them. An [`Envelope`] is one publish, a
//! [`Command`] is what an application asks, a [`Reply`] what came of it; a [`Router`] takes both to all shards. What a shard wants of its
//! surroundings is an [`Effect`]; what happens in it is an [`Event`], of which an [`Application`] is told; what it wants written waits in a connection's [`Outbox`].
//! While an [`Observer`] watches, it is told of [`Fact`]s, and a [`Rule`] explains what became of a message; a [`Survey`] shows what there is.
//!
//! What belongs to a distributed trace carries its [`TraceContext`] along, and is told as a [`Span`].
//!
//! It must never know about sockets, runtimes, clocks or random sources: time is handed in as milliseconds on a monotonic clock.

mod ack_memory;
mod activity;
mod application;
mod apply;
mod backpressure;
mod cause;
mod close_category;
mod command;
mod connection;
mod counters;
mod deadline;
mod delivery;
mod effect;
mod encoding;
mod entry;
mod envelope;
mod event;
mod exchange;
mod execute;
mod expiry;
mod explain;
mod explanation;
mod fact;
mod frame_queue;
mod group;
mod group_state;
mod homes;
mod hub;
mod invocation;
mod letter;
mod limits;
mod load;
mod logged_state;
mod logged_stream;
mod luggage;
mod observer;
mod outbox;
mod pace;
mod parting;
mod presence;
mod publisher;
mod raise;
mod recording;
mod request;
mod router;
mod selection;
mod session;
mod shard;
mod span;
mod state_home;
mod stream;
mod survey;
mod trace;
mod trace_context;
mod trace_id;
mod user;
mod window;

pub use application::{
    Acceptance, Application, Attempt, ClientCertificate, Decision, NoApplication, Rejection,
};
pub use cause::TracedDelivery;
pub use close_category::CloseCategory;
pub use command::{Command, Member, Reply, Scope, Subject};
pub use connection::{ConnectionKey, Opening, Protocol, SimpleMode};
pub use counters::Counters;
pub use effect::Effect;
pub use entry::{Act, Author, Entry, Logged, Refusal};
pub use envelope::{Envelope, Target};
pub use event::{Answer, Event, Occurrence, Question, Unanswered};
pub use exchange::{Exchange, Mark, Parcel};
pub use explanation::{Explanation, Explanations, Inquiry, Rule};
pub use fact::{Delivered, Fact, Happening, MessageId, Party, Published, RestCall, Source, UpstreamCall};
pub use homes::Homes;
pub use letter::{Letter, Recipient, Teller};
pub use limits::Limits;
pub use load::{Load, Strain};
pub use luggage::{KeptMessage, Luggage, OpenStream};
pub use observer::{Count, Durations, NoObserver, Observer, Sample};
pub use outbox::{Outbound, Outbox};
pub use pace::{HubPaces, Pace, SharedPace};
pub use parting::Parting;
pub use presence::{GroupEvents, Membership, Presence};
pub use router::{Busy, Routed, Router, Settled};
pub use session::Ending;
pub use shard::Shard;
pub use span::{Span, Work};
pub use survey::{ConnectionFinding, Distinct, Findings, HubFinding, Page, Survey};
pub use trace_context::TraceContext;
pub use trace_id::TraceId;
