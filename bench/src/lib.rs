//! Measures the service: a load generator, reference servers, and the scenarios that compare the service with them.
//!
//! Nouns: scenario (what to run), corner (a server and its scenario), contest (corners by turns), peer (one client socket),
//! stamp (what a payload begins with), membership (who is in which groups), ledger (what must still arrive), row (the medians
//! that are printed).
//!
//! [`live`] puts the same generator in front of any endpoint, for whoever runs one.
//!
//! It must never know the service's inside: it starts the real binary and speaks to it over sockets only.
#![allow(clippy::print_stdout, reason = "the result of a benchmark is a table on standard output")]

mod acks;
mod affinity;
mod answers;
mod bare;
mod catalog;
mod churn;
mod clock;
mod commit;
mod connect;
mod contest;
mod cpu;
mod echo;
mod events;
mod fanout;
mod filler;
mod frame;
mod histogram;
mod home;
mod idle;
mod inflate;
mod ledger;
pub mod live;
mod membership;
mod nodes;
mod options;
mod pace;
mod peer;
mod process;
mod program;
mod publish;
mod publisher;
mod reference;
mod report;
mod response;
mod row;
mod runs;
mod scenario;
mod settings_file;
mod side;
mod socket;
mod stamp;
mod storm;
mod stream;
mod tls;
mod token;
mod traffic;
mod upgrade;
mod varint;
mod wire;

pub use program::run;
pub use scenario::{Protocol, PublishPath};
