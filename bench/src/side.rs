//! The two servers that are compared.

use crate::options::Options;
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use std::path::PathBuf;

/// Which server a run measures.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Side {
    Service,
    Reference,
}

/// How to start a side and what to expect of it.
pub(crate) struct Contender {
    pub(crate) side: Side,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<&'static str>,
    /// Whether this is the reference server, which tells groups by `g=` in the URL and answers no `ackId`.
    pub(crate) is_reference: bool,
}

impl Contender {
    /// The contender that stands for a side; with `--self-check` the reference stands for both.
    pub(crate) fn new(side: Side, options: &Options) -> Result<Self> {
        if side == Side::Reference || options.self_check {
            let program = std::env::current_exe().context("cannot name this binary")?;
            return Ok(Self { side, program, arguments: vec!["reference"], is_reference: true });
        }
        ensure!(
            options.bin.is_file(),
            "{} is missing: build it or name it with --bin",
            options.bin.display()
        );
        let arguments = vec!["serve", "--listen", "127.0.0.1:0", "--workers", "1"];
        Ok(Self { side, program: options.bin.clone(), arguments, is_reference: false })
    }
}
