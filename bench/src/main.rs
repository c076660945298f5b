//! Measures the service: a busy-polling load generator, a reference server, and the scenarios that compare the two.
//!
//! Nouns: scenario (what to run), side (service or reference), peer (one client socket), stamp (what a payload
//! begins with), ledger (what must still arrive), row (the medians that are printed).
//!
//! It must never know the service's inside: it starts the real binary and speaks to it over sockets only.
#![allow(clippy::print_stdout, reason = "the result of a benchmark is a table on standard output")]

mod acks;
mod affinity;
mod catalog;
mod clock;
mod commit;
mod connect;
mod cpu;
mod echo;
mod events;
mod fanout;
mod frame;
mod histogram;
mod idle;
mod ledger;
mod options;
mod pace;
mod peer;
mod process;
mod publisher;
mod reference;
mod response;
mod row;
mod runs;
mod scenario;
mod side;
mod stamp;
mod stream;
mod token;
mod traffic;
mod upgrade;
mod varint;
mod wire;

use anyhow::Result;
use clap::Parser;
use options::{Command, Options};

fn main() -> Result<()> {
    let options = Options::parse();
    affinity::raise_descriptor_limit()?;
    match &options.command {
        Command::Reference(listen) => reference::serve(&listen.listen),
        Command::Fanout(shape) => catalog::run(&options, &[catalog::Entry::Fanout(shape.scenario())]),
        Command::Idle(idle) => catalog::run(&options, &[catalog::Entry::Idle(idle.scenario())]),
        Command::Events(events) => catalog::run(&options, &[catalog::Entry::Events(events.scenario())]),
        Command::Echo(listen) => echo::serve(&listen.listen),
        Command::All => catalog::run(&options, &catalog::all()),
    }
}
