//! The program `hubwire-bench`.

use crate::affinity;
use crate::bare;
use crate::catalog;
use crate::echo;
use crate::home;
use crate::options::{Command, Options};
use crate::reference;
use crate::report;
use anyhow::Result;
use clap::Parser;

/// Does what the command line says. `home` is the folder of this crate, where runs and the certificate are.
///
/// # Errors
/// If it cannot be done, or a run loses, duplicates or reorders a message.
pub fn run(home: &str) -> Result<()> {
    home::set(home);
    let options = Options::parse();
    affinity::raise_descriptor_limit()?;
    match &options.command {
        Command::Reference(listen) => reference::serve(&listen.listen, listen.tls),
        Command::Echo(listen) => echo::serve(&listen.listen),
        Command::Bare(listen) => bare::serve(&listen.listen),
        Command::Report(report) => {
            print!("{}", report::markdown(&options.runs, report.all_measures)?);
            Ok(())
        }
        measuring => catalog::run(&options, &measuring.entries()),
    }
}
