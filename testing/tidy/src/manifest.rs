use anyhow::{Context, Result};
use toml::{Table, Value};

/// A package's `Cargo.toml`.
pub struct Manifest {
    path: String,
    table: Table,
}

impl Manifest {
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self> {
        let table = text.parse().with_context(|| format!("{path} is not TOML"))?;
        Ok(Self { path: path.to_owned(), table })
    }

    /// Its path below the root.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The package's name.
    pub fn name(&self) -> &str {
        self.table
            .get("package")
            .and_then(|package| package.get("name"))
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Whether the package is a workspace of its own.
    pub fn is_workspace(&self) -> bool {
        self.table.contains_key("workspace")
    }

    /// Whether the package takes over the lints of the workspace.
    pub fn inherits_lints(&self) -> bool {
        let workspace = self.table.get("lints").and_then(|lints| lints.get("workspace"));
        workspace.and_then(Value::as_bool) == Some(true)
    }

    /// What the package is built from.
    pub fn dependencies(&self) -> Vec<&str> {
        self.names(&["dependencies", "build-dependencies"])
    }

    /// What the package is built from and tested with.
    pub fn all_dependencies(&self) -> Vec<&str> {
        self.names(&["dependencies", "build-dependencies", "dev-dependencies"])
    }

    fn names(&self, sections: &[&str]) -> Vec<&str> {
        let targets = self.table.get("target").and_then(Value::as_table);
        let targets = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
        let tables = std::iter::once(&self.table).chain(targets);
        let sections =
            tables.flat_map(|table| sections.iter().filter_map(|section| table.get(*section)?.as_table()));
        let entries = sections.flat_map(Table::iter);
        // A renamed dependency counts under its real name.
        entries.map(|(name, value)| value.get("package").and_then(Value::as_str).unwrap_or(name)).collect()
    }
}
