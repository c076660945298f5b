//! The software bill of materials: what the service is built from.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::lock_file::{self, Locked};
use crate::project::Project;
use crate::{console, process};

/// The package whose binary is described.
const ROOT: &str = "hubwire";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    repository: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// `dev`, `build`, or nothing for a dependency of the library or binary itself.
    kind: Option<String>,
}

/// Writes the bill of the service's binary to a file: CycloneDX 1.5, of the lock file alone, so that the same sources give the same bytes.
pub(crate) fn run(project: &Project, file: &Path) -> Result<()> {
    let metadata: Metadata = serde_json::from_str(&process::metadata(&project.root)?)?;
    let bill = bill(&metadata, &lock_file::read(&project.root)?)?;
    let components = bill["components"].as_array().map_or(0, Vec::len);
    fs::write(file, serde_json::to_string_pretty(&bill)? + "\n")
        .with_context(|| format!("{} cannot be written", file.display()))?;
    console::line(&format!("{components} components in {}", file.display()));
    Ok(())
}

fn bill(metadata: &Metadata, locked: &[Locked]) -> Result<Value> {
    let packages: HashMap<_, _> = metadata.packages.iter().map(|package| (&*package.id, package)).collect();
    let checksums: HashMap<_, _> = locked
        .iter()
        .filter_map(|locked| Some(((&*locked.name, &*locked.version), locked.checksum.as_deref()?)))
        .collect();
    let root = metadata.packages.iter().find(|package| package.name == ROOT && package.source.is_none());
    let root = root.with_context(|| format!("the workspace has no package {ROOT}"))?;
    let edges = reachable(metadata, &root.id);
    let component = |package: &Package| {
        let mut component = json!({
            "type": if package.id == root.id { "application" } else { "library" },
            "bom-ref": reference(package),
            "name": package.name,
            "version": package.version,
            "purl": reference(package),
        });
        if let Some(license) = &package.license {
            // Cargo's older `/` is SPDX's OR.
            component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
        }
        if let Some(checksum) = checksums.get(&(&*package.name, &*package.version)) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        if let Some(repository) = &package.repository {
            component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
        }
        component
    };
    let named: BTreeMap<_, _> =
        edges.iter().filter_map(|(id, needs)| Some((reference(packages.get(id)?), (id, needs)))).collect();
    let components = named.values().filter(|(id, _)| **id != root.id).map(|(id, _)| component(packages[*id]));
    let dependencies = named.iter().map(|(name, (_, needs))| {
        let needs: BTreeSet<_> = needs.iter().map(|id| reference(packages[id])).collect();
        json!({ "ref": name, "dependsOn": needs })
    });
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": component(root) },
        "components": components.collect::<Vec<_>>(),
        "dependencies": dependencies.collect::<Vec<_>>(),
    }))
}

/// What a package is built from, on any platform, and what each of them needs; tests' dependencies left out.
fn reachable<'m>(metadata: &'m Metadata, root: &'m str) -> BTreeMap<&'m str, Vec<&'m str>> {
    let nodes: HashMap<_, _> = metadata.resolve.nodes.iter().map(|node| (&*node.id, node)).collect();
    let built = |dependency: &&Dependency| {
        dependency.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev"))
    };
    let (mut found, mut open) = (BTreeMap::new(), vec![root]);
    while let Some(id) = open.pop() {
        if found.contains_key(id) {
            continue;
        }
        let needs: Vec<_> = nodes
            .get(id)
            .map_or(&[][..], |node| &node.deps)
            .iter()
            .filter(built)
            .map(|dependency| &*dependency.pkg)
            .collect();
        open.extend(&needs);
        found.insert(id, needs);
    }
    found
}

/// The package's URL (purl), which is its name in the bill.
fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bill_has_what_is_built_and_no_test_dependency() {
        let metadata: Metadata = serde_json::from_value(json!({
            "packages": [
                { "id": "r", "name": "hubwire", "version": "0.1.0", "license": "MIT", "source": null, "repository": null },
                { "id": "a", "name": "a", "version": "1.0.0", "license": "MIT/Apache-2.0", "source": "registry+x", "repository": "https://x" },
                { "id": "b", "name": "b", "version": "2.0.0", "license": null, "source": "registry+x", "repository": null },
                { "id": "t", "name": "t", "version": "3.0.0", "license": null, "source": "registry+x", "repository": null },
            ],
            "resolve": { "nodes": [
                { "id": "r", "deps": [{ "pkg": "a", "dep_kinds": [{ "kind": null }] }, { "pkg": "t", "dep_kinds": [{ "kind": "dev" }] }] },
                { "id": "a", "deps": [{ "pkg": "b", "dep_kinds": [{ "kind": "build" }, { "kind": "dev" }] }] },
                { "id": "b", "deps": [] },
                { "id": "t", "deps": [] },
            ] },
        }))
        .unwrap();
        let locked =
            lock_file::parse("[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"00ff\"\n")
                .unwrap();
        let bill = bill(&metadata, &locked).unwrap();
        let names: Vec<_> = bill["components"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(bill["metadata"]["component"]["purl"], "pkg:cargo/hubwire@0.1.0");
        assert_eq!(bill["components"][0]["hashes"][0]["content"], "00ff");
        assert_eq!(bill["components"][0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(bill["dependencies"][2]["dependsOn"], json!(["pkg:cargo/a@1.0.0"]));
    }
}
