//! What goes over the wire, seen by a server that keeps every request.

mod capture;
mod configuration;
mod javascript;
mod requests;
mod retries;
