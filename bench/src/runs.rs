//! The raw results on disk.

use crate::clock;
use crate::commit;
use anyhow::{Context, Result};
use serde::Serialize;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Appends one JSON object a line to `<runs>/<date>-<machine>/<kind>.jsonl`.
pub(crate) struct Runs {
    folder: PathBuf,
    machine: String,
    kernel: String,
    commit: String,
}

#[derive(Serialize)]
struct Line<'a, T> {
    date: String,
    time: String,
    machine: &'a str,
    kernel: &'a str,
    commit: &'a str,
    #[serde(flatten)]
    record: &'a T,
}

impl Runs {
    pub(crate) fn new(runs: &Path) -> Self {
        let machine = commit::machine();
        let folder = runs.join(format!("{}-{machine}", clock::date_utc(clock::unix_time_s())));
        Self { folder, machine, kernel: commit::kernel(), commit: commit::checkout() }
    }

    pub(crate) fn append(&self, kind: &str, record: &impl Serialize) -> Result<()> {
        let now_s = clock::unix_time_s();
        let line = Line {
            date: clock::date_utc(now_s),
            time: clock::time_utc(now_s),
            machine: &self.machine,
            kernel: &self.kernel,
            commit: &self.commit,
            record,
        };
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot create {}", self.folder.display()))?;
        let path = self.folder.join(format!("{kind}.jsonl"));
        let mut file: File = OpenOptions::new().create(true).append(true).open(&path)?;
        file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}
