//! The servers that are compared.

use crate::options::Options;
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use std::path::PathBuf;

/// Which server a run measures: that on top of a row's fraction, or that below.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Side {
    Service,
    Reference,
}

/// How to start a server and what to expect of it.
#[derive(Clone)]
pub(crate) struct Contender {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// Whether this is a server of this crate, which tells groups by `g=` in the URL and answers no `ackId`.
    pub(crate) is_reference: bool,
}

impl Contender {
    /// The service with a number of workers.
    pub(crate) fn service(options: &Options, workers: usize) -> Self {
        let workers = workers.to_string();
        let arguments =
            ["serve", "--listen", "127.0.0.1:0", "--workers", &workers].map(str::to_owned).to_vec();
        Self { program: options.bin.clone(), arguments, is_reference: false }
    }

    /// A server of this crate, by its command.
    pub(crate) fn reference(command: &str) -> Result<Self> {
        let program = std::env::current_exe().context("cannot name this binary")?;
        Ok(Self { program, arguments: vec![command.to_owned()], is_reference: true })
    }

    /// Says so when there is nothing to start.
    pub(crate) fn ensure_built(&self) -> Result<()> {
        ensure!(
            self.program.is_file(),
            "{} is missing: build it or name it with --bin",
            self.program.display()
        );
        Ok(())
    }
}

/// One of those that are compared: a server and what it is made to do.
#[derive(Clone)]
pub(crate) struct Corner<S> {
    /// What the row calls it.
    pub(crate) label: String,
    pub(crate) contender: Contender,
    pub(crate) scenario: S,
}

impl<S> Corner<S> {
    pub(crate) fn new(label: impl Into<String>, contender: Contender, scenario: S) -> Self {
        Self { label: label.into(), contender, scenario }
    }
}
