//! Known vulnerabilities: the lock files against a copy of RustSec's advisory database.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use semver::{Version, VersionReq};
use serde::Deserialize;

use crate::project::Project;
use crate::{console, fuzz, instructions, lock_file};

/// An advisory as the database has it: TOML in front of its text.
#[derive(Deserialize)]
struct Advisory {
    advisory: About,
    #[serde(default)]
    versions: Versions,
}

#[derive(Deserialize)]
struct About {
    id: String,
    withdrawn: Option<String>,
    /// Absent for a vulnerability; `unmaintained`, `unsound` or `notice` otherwise.
    informational: Option<String>,
}

#[derive(Deserialize, Default)]
struct Versions {
    #[serde(default)]
    patched: Vec<VersionReq>,
    #[serde(default)]
    unaffected: Vec<VersionReq>,
}

impl Advisory {
    fn parse(text: &str) -> Result<Self> {
        let start = text.split_once("```toml").context("it has no TOML")?.1;
        let toml = start.split_once("```").context("its TOML has no end")?.0;
        Ok(toml::from_str(toml)?)
    }

    fn concerns(&self, version: &Version) -> bool {
        let safe = self.versions.patched.iter().chain(&self.versions.unaffected);
        self.advisory.withdrawn.is_none() && !safe.into_iter().any(|safe| safe.matches(version))
    }
}

/// Checks every lock file against a database in a folder. Vulnerabilities are an error; what is unmaintained, unsound or of note is told.
pub(crate) fn run(project: &Project, database: &Path) -> Result<()> {
    let crates = database.join("crates");
    if !crates.is_dir() {
        bail!("{} is no copy of the RustSec advisory database; git clone one there", database.display());
    }
    let (mut packages, mut vulnerabilities) = (BTreeSet::new(), BTreeSet::new());
    let tools = [fuzz::folder(project), instructions::folder(project)];
    for workspace in project.workspaces().iter().chain(&tools) {
        for locked in lock_file::read(workspace)?.into_iter().filter(|locked| locked.source.is_some()) {
            packages.insert((locked.name, Version::parse(&locked.version)?));
        }
    }
    for (name, version) in &packages {
        for advisory in advisories(&crates.join(name))? {
            let About { id, informational, .. } = &advisory.advisory;
            match informational {
                _ if !advisory.concerns(version) => {}
                Some(kind) => console::line(&format!("{name} {version}: {id}, {kind}")),
                None => drop(vulnerabilities.insert(format!("{name} {version}: {id}"))),
            }
        }
    }
    console::line(&format!("{} packages, {} vulnerabilities", packages.len(), vulnerabilities.len()));
    if vulnerabilities.is_empty() {
        return Ok(());
    }
    bail!("known vulnerabilities:\n  {}", vulnerabilities.into_iter().collect::<Vec<_>>().join("\n  "))
}

/// The advisories of a package; most have none.
fn advisories(folder: &Path) -> Result<Vec<Advisory>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let advisory = Advisory::parse(&fs::read_to_string(&path)?);
        found.push(advisory.with_context(|| format!("{} cannot be read", path.display()))?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advisory_concerns_the_versions_between() {
        let text = "```toml\n[advisory]\nid = \"RUSTSEC-2024-0001\"\npackage = \"x\"\ndate = \"2024-01-01\"\n[versions]\npatched = [\">= 1.2.3\"]\nunaffected = [\"< 1.1.0\"]\n```\n\n# X";
        let advisory = Advisory::parse(text).unwrap();
        let concerned: Vec<_> = ["1.0.9", "1.1.0", "1.2.2", "1.2.3", "2.0.0"]
            .iter()
            .map(|one| advisory.concerns(&one.parse().unwrap()))
            .collect();
        assert_eq!(concerned, [false, true, true, false, false]);
    }
}
