//! Runs a fan-out scenario against one server.

mod measure;
mod session;
mod viewer;

pub(crate) use measure::{Measured, call_roll, run};
pub(crate) use session::openings;
