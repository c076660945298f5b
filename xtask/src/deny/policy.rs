use serde::Deserialize;

use super::graph::Package;

/// What `deny.toml` says, as far as it is checked here; cargo-deny reads the rest.
#[derive(Debug, Deserialize)]
pub(super) struct Policy {
    pub(super) licenses: Licenses,
    pub(super) bans: Bans,
    pub(super) sources: Sources,
}

/// Which licences a dependency may have.
#[derive(Debug, Deserialize)]
pub(super) struct Licenses {
    pub(super) allow: Vec<String>,
}

/// Which dependencies there must not be, and which may be there twice.
#[derive(Debug, Deserialize)]
pub(super) struct Bans {
    pub(super) deny: Vec<Entry>,
    pub(super) skip: Vec<Entry>,
}

/// Where dependencies may come from.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Sources {
    pub(super) allow_registry: Vec<String>,
}

/// A package, and why it is listed.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    /// `name`, or `name@version` where the version may be cut short.
    #[serde(rename = "crate")]
    pub(super) spec: String,
    #[serde(default)]
    pub(super) reason: String,
}

impl Entry {
    pub(super) fn matches(&self, package: &Package) -> bool {
        let (name, version) = self.spec.split_once('@').unwrap_or((&self.spec, ""));
        let rest = package.version.strip_prefix(version);
        name == package.name
            && (version.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    }
}
