use std::fs;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

/// One package of a lock file.
#[derive(Deserialize)]
pub(crate) struct Locked {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Where it comes from; nothing for a package of the workspace.
    pub(crate) source: Option<String>,
    pub(crate) checksum: Option<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

/// The packages of a workspace's lock file.
pub(crate) fn read(workspace: &Path) -> Result<Vec<Locked>> {
    parse(&fs::read_to_string(workspace.join("Cargo.lock"))?)
}

/// The packages of a lock file's text.
pub(crate) fn parse(text: &str) -> Result<Vec<Locked>> {
    let lock: Lock = toml::from_str(text)?;
    Ok(lock.package)
}
