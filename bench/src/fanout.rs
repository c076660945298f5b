//! Runs a fan-out scenario against one server, or several that are one service.

mod measure;
mod session;
mod viewer;

pub(crate) use measure::{Measured, call_roll, run, run_over};
pub(crate) use session::openings;
