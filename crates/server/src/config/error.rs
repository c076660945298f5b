use std::fmt;
use std::path::PathBuf;

/// A setting that is wrong, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Where the value came from.
    pub(super) source: Source,
    /// The setting's name; empty if the whole file is at fault.
    pub(super) setting: String,
    /// What is wrong, and what would be right.
    pub(super) problem: String,
}

/// Where a setting's value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A flag or its environment variable.
    Override(&'static str),
    /// A line of the file, from 1; 0 if no line is to blame.
    File(PathBuf, usize),
    /// Nobody set it.
    Default,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Override(name) => write!(f, "{name}: ")?,
            Source::File(path, 0) => write!(f, "{}: ", path.display())?,
            Source::File(path, line) => write!(f, "{}:{line}: ", path.display())?,
            Source::Default => {}
        }
        if !self.setting.is_empty() {
            write!(f, "setting `{}`: ", self.setting)?;
        }
        f.write_str(&self.problem)
    }
}

impl std::error::Error for ConfigError {}
