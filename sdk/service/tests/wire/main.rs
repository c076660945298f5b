//! What goes over the wire, seen by a server that keeps every request.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod capture;
mod configuration;
mod javascript;
mod requests;
mod retries;
mod spans;
