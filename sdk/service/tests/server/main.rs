//! Every operation against a real server, which the environment variable `HUBWIRE_BIN` names.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod close;
mod groups;
mod hubwire;
mod messages;
mod permissions;
mod service;
mod tokens;
