use std::collections::{HashMap, HashSet};
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

/// Every package of the lock file that can be built, for all platforms.
pub(super) fn packages(root: &Path) -> Result<Vec<Package>> {
    let metadata: Metadata = serde_json::from_str(&process::metadata(root)?)?;
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
    let built = built(root)?;
    let is_built = |package: &Package| built.contains(&package.to_string());
    Ok(metadata.packages.iter().map(package).filter(is_built).collect())
}

/// The packages that can end up in a build, on some platform. The lock file names more: for a weak feature (`ring?/alloc`) it has the package
/// even if nothing turns it on.
fn built(root: &Path) -> Result<HashSet<String>> {
    let arguments = ["tree", "--workspace", "--locked", "--offline", "--edges", "all", "--target", "all"];
    let format = ["--prefix", "none", "--format", "{p}"];
    let tree = process::output(process::cargo(root).args(arguments).args(format))?;
    let package = |line: &str| {
        let mut words = line.split_whitespace();
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        Some(format!("{name} {version}"))
    };
    Ok(tree.lines().filter_map(package).collect())
}
