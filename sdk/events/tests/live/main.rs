//! The middleware with the real service: clients over WebSockets, a hubwire process, and an application in axum or in plain hyper.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod application;
mod client;
mod connect;
mod hubwire;
mod mount;
mod notification;
mod signature;
mod stage;
mod user_event;
