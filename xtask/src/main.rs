//! `cargo xtask`: everything that is done with the code besides compiling it.

mod audit;
mod autobahn;
mod conformance;
mod console;
mod deny;
mod fuzz;
mod instructions;
mod lock_file;
mod options;
mod process;
mod project;
mod release;
mod sanitize;
mod sbom;
mod steps;
mod tool;

use std::process::ExitCode;

use anyhow::Result;

use crate::options::{Options, Task};
use crate::project::Project;

fn main() -> ExitCode {
    match options::parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            console::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Does a task; false if a step of it failed, which has been told already.
fn run(options: &Options) -> Result<bool> {
    let project = match options.task {
        Task::Help => {
            console::line(options::HELP);
            return Ok(true);
        }
        _ => Project::find()?,
    };
    match &options.task {
        Task::Test { only, skip } => steps::run(&project, &steps::select(only, skip)?),
        Task::Lint => steps::run(&project, &steps::named(&["format", "clippy"])),
        Task::Deny => steps::run(&project, &steps::named(&["deny"])),
        Task::Conformance => steps::run(&project, &steps::named(&["build", "node", "python"])),
        Task::Fuzz { target, seconds } => {
            fuzz::run(&project, target.as_deref(), *seconds, None).map(|()| true)
        }
        Task::Autobahn { cases } => autobahn::run(&project, cases).map(|()| true),
        Task::Sbom { file } => sbom::run(&project, file).map(|()| true),
        Task::Release { folder, check } => release::run(&project, folder, *check).map(|()| true),
        Task::Audit { database } => audit::run(&project, database).map(|()| true),
        Task::Sanitize => sanitize::run(&project).map(|()| true),
        Task::Instructions => instructions::run(&project).map(|()| true),
        Task::Help => Ok(true),
    }
}
