//! The policy for dependencies, checked from the lock file and without a network: what cargo-deny's bans, licenses and sources check.

mod graph;
mod license;
mod policy;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use self::graph::Package;
use self::policy::Policy;
use crate::console;
use crate::project::Project;

/// Checks every package of each lock file against the `deny.toml` beside it.
pub(crate) fn check(project: &Project) -> Result<()> {
    project.workspaces().iter().try_for_each(|workspace| check_workspace(workspace))
}

fn check_workspace(workspace: &Path) -> Result<()> {
    let path = workspace.join("deny.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let policy: Policy = toml::from_str(&text).with_context(|| format!("{} is wrong", path.display()))?;
    let packages = graph::packages(workspace)?;
    let problems = problems(&policy, &packages);
    console::line(&format!("{} packages, {} problems", packages.len(), problems.len()));
    if problems.is_empty() {
        return Ok(());
    }
    bail!("dependencies break the policy of {}:\n  {}", path.display(), problems.join("\n  "))
}

fn problems(policy: &Policy, packages: &[Package]) -> Vec<String> {
    let mut problems = Vec::new();
    for package in packages {
        if let Err(problem) = license::check(package.license.as_deref(), &policy.licenses.allow) {
            problems.push(format!("{package}: {problem}"));
        }
        if let Some(ban) = policy.bans.deny.iter().find(|ban| ban.matches(package)) {
            problems.push(format!(
                "{package} is banned: {}; needed by {}",
                ban.reason,
                package.parents.join(", ")
            ));
        }
        if let Some(source) = &package.source {
            let known = policy
                .sources
                .allow_registry
                .iter()
                .any(|known| source.strip_prefix("registry+") == Some(known));
            if !known {
                problems.push(format!("{package} comes from {source}"));
            }
        }
    }
    problems.extend(duplicates(policy, packages));
    problems
}

/// Packages that are there in more versions than one, and exceptions from that which are not needed.
fn duplicates(policy: &Policy, packages: &[Package]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut versions: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    for package in packages {
        versions.entry(&package.name).or_default().push(package);
    }
    for skip in &policy.bans.skip {
        let used = packages.iter().any(|package| skip.matches(package) && versions[&*package.name].len() > 1);
        if !used {
            problems.push(format!("skip `{}` is not needed any more: remove it", skip.spec));
        }
        if skip.reason.trim().is_empty() {
            problems.push(format!("skip `{}` has no reason", skip.spec));
        }
    }
    for (name, packages) in versions {
        let skipped = |package: &&&Package| policy.bans.skip.iter().any(|skip| skip.matches(package));
        let rest: Vec<_> = packages.iter().filter(|package| !skipped(package)).collect();
        if rest.len() > 1 {
            let shown =
                rest.iter().map(|package| format!("{} (by {})", package.version, package.parents.join(", ")));
            problems.push(format!(
                "{name} is there in {} versions: {}",
                rest.len(),
                shown.collect::<Vec<_>>().join("; ")
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
        [licenses]
        allow = ["MIT"]
        [bans]
        deny = [{ crate = "ring", reason = "one library is enough" }]
        skip = [{ crate = "syn@1", reason = "old" }]
        [sources]
        allow-registry = ["https://index"]
    "#;

    fn package(name: &str, version: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            license: Some("MIT".to_owned()),
            source: Some("registry+https://index".to_owned()),
            parents: vec!["a 1.0.0".to_owned()],
        }
    }

    fn found(packages: &[Package]) -> Vec<String> {
        problems(&toml::from_str(POLICY).unwrap(), packages)
    }

    #[test]
    fn a_second_version_passes_only_with_an_exception() {
        assert_eq!(found(&[package("syn", "1.2.3"), package("syn", "2.0.0")]), [""; 0]);
        assert_eq!(
            found(&[package("syn", "1.2.3"), package("syn", "2.0.0"), package("syn", "3.0.0")]).len(),
            1
        );
        assert_eq!(
            found(&[
                package("syn", "1.2.3"),
                package("syn", "1.9.0"),
                package("b", "1.0.0"),
                package("b", "2.0.0")
            ])
            .len(),
            1
        );
    }

    #[test]
    fn an_exception_that_is_not_needed_is_a_problem() {
        assert!(found(&[package("syn", "1.2.3")])[0].contains("not needed"));
    }

    #[test]
    fn bans_licences_and_sources_are_checked() {
        let duplicates = [package("syn", "1.0.0"), package("syn", "2.0.0")];
        let with = |package: Package| found(&[duplicates.as_slice(), &[package]].concat());
        assert!(with(package("ring", "0.17.0"))[0].contains("banned"));
        assert!(
            with(Package { license: Some("GPL-3.0".to_owned()), ..package("b", "1.0.0") })[0]
                .contains("GPL-3.0")
        );
        assert!(with(Package { license: None, ..package("b", "1.0.0") })[0].contains("no licence"));
        assert!(
            with(Package { source: Some("git+https://b".to_owned()), ..package("b", "1.0.0") })[0]
                .contains("git+")
        );
        assert_eq!(with(Package { source: None, ..package("b", "1.0.0") }), [""; 0]);
    }
}
