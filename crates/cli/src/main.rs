//! The binary `hubwire`: starts the service, prints client URLs, joins a hub from the terminal, shows what the service does, and measures.

mod arguments;
mod bench;
mod client;
mod cluster;
mod console;
mod doctor;
mod listen;
mod logging;
mod outbox;
mod output;
mod rest_call;
mod send;
mod serve;
mod service;
mod token;
mod trace;
mod why;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

/// Many small, short-lived buffers are what this allocator is made for. `--no-default-features` builds with the system's.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code of a command that was called wrongly; clap uses the same.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let command = arguments.command.unwrap_or(Command::Serve(arguments.serve));
    let outcome = match command {
        Command::Serve(serve) => serve::run(&serve),
        Command::Token(token) => token::run(&token),
        Command::Listen(listen) => listen::run(&listen),
        Command::Send(send) => send::run(&send),
        Command::Outbox(outbox) => outbox::run(&outbox),
        Command::Cluster(cluster) => cluster::run(&cluster),
        Command::Doctor(doctor) => doctor::run(&doctor),
        Command::Trace(trace) => trace::run(&trace),
        Command::Why(why) => why::run(&why),
        Command::Bench(bench) => bench::run(&bench),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&format!("hubwire: {error:#}"));
            let wrong_setting = error.downcast_ref::<hubwire_server::ConfigError>().is_some()
                || matches!(error.downcast_ref(), Some(hubwire_server::Error::Config(_)))
                || bench::is_wrongly_called(&error);
            ExitCode::from(if wrong_setting { USAGE } else { 1 })
        }
    }
}
