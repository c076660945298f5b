use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use crate::process;

/// One package of the lock file.
#[derive(Debug, Clone)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) license: Option<String>,
    /// Where it comes from; nothing for a package of the workspace.
    pub(super) source: Option<String>,
    /// Who depends on it.
    pub(super) parents: Vec<String>,
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Listed>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

/// Every package of the lock file, for all platforms.
pub(super) fn packages(root: &Path) -> Result<Vec<Package>> {
    let metadata: Metadata = serde_json::from_str(&metadata(root)?)?;
    let names: HashMap<_, _> = metadata
        .packages
        .iter()
        .map(|package| (&*package.id, format!("{} {}", package.name, package.version)))
        .collect();
    let mut parents: HashMap<&str, Vec<String>> = HashMap::new();
    for node in &metadata.resolve.nodes {
        for dependency in &node.dependencies {
            parents.entry(dependency).or_default().extend(names.get(&*node.id).cloned());
        }
    }
    let package = |listed: &Listed| Package {
        name: listed.name.clone(),
        version: listed.version.clone(),
        license: listed.license.clone(),
        source: listed.source.clone(),
        parents: parents.remove(&*listed.id).unwrap_or_default(),
    };
    Ok(metadata.packages.iter().map(package).collect())
}

/// What cargo knows. Packages of other platforms may never have been fetched: then, and only then, the network is needed.
fn metadata(root: &Path) -> Result<String> {
    let arguments = ["metadata", "--locked", "--format-version", "1"];
    if process::succeeds(process::cargo(root).args(arguments).arg("--offline")) {
        return process::output(process::cargo(root).args(arguments).arg("--offline"));
    }
    process::output(process::cargo(root).args(arguments))
}
