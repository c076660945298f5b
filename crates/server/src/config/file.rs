use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::error::{ConfigError, Source};
use super::limits::LimitsTable;
use super::source::Given;

/// The file as it was read: known settings only, each with its place.
#[derive(Default)]
pub(super) struct File {
    path: PathBuf,
    text: String,
    pub(super) table: Table,
}

/// All settings that a file can have.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Table {
    pub(super) listen: Option<Spanned<String>>,
    pub(super) endpoint: Option<Spanned<String>>,
    pub(super) access_key: Option<Spanned<String>>,
    pub(super) secondary_access_key: Option<Spanned<String>>,
    pub(super) workers: Option<Spanned<i64>>,
    pub(super) protobuf_json: Option<Spanned<String>>,
    pub(super) metrics: MetricsTable,
    pub(super) limits: LimitsTable,
    pub(super) hubs: BTreeMap<Spanned<String>, HubTable>,
}

/// The table `[metrics]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MetricsTable {
    pub(super) listen: Option<Spanned<String>>,
}

/// A table `[hubs.NAME]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HubTable {
    pub(super) anonymous: bool,
}

impl File {
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let whole = |problem: String, line| ConfigError {
            source: Source::File(path.to_owned(), line),
            setting: String::new(),
            problem,
        };
        let text =
            std::fs::read_to_string(path).map_err(|error| whole(format!("cannot be read: {error}"), 0))?;
        let table = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(0, |span| line_at(&text, span.start));
            ConfigError { setting: setting_in(&text, line), ..whole(without_value(error.message()), line) }
        })?;
        Ok(Self { path: path.to_owned(), text, table })
    }

    /// A value of the file, with its place.
    pub(super) fn given<T: Clone>(&self, setting: &str, value: &Spanned<T>) -> Given<T> {
        let source = self.source_at(value.span().start);
        Given { value: value.get_ref().clone(), setting: setting.to_owned(), source }
    }

    /// The line at a place in the text.
    pub(super) fn source_at(&self, offset: usize) -> Source {
        Source::File(self.path.clone(), line_at(&self.text, offset))
    }
}

/// The setting that a line sets, as it is written there; nothing for a line that sets none.
fn setting_in(text: &str, line: usize) -> String {
    let line = line.checked_sub(1).and_then(|index| text.lines().nth(index)).unwrap_or_default();
    line.split_once('=').map(|(setting, _)| setting.trim().to_owned()).unwrap_or_default()
}

/// The parser repeats a value of the wrong type. It could be a key, so only what was expected is passed on.
fn without_value(message: &str) -> String {
    match message.split_once(", expected ") {
        Some((start, expected)) if start.starts_with("invalid ") => {
            format!("wrong type or value, expected {expected}")
        }
        _ => message.to_owned(),
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}
