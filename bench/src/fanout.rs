//! Runs a fan-out scenario against one server.

mod measure;
mod session;

pub(crate) use measure::{Measured, run};
