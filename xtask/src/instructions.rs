use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::process;
use crate::project::Project;
use crate::tool::Tool;

/// The program that runs each bench under valgrind, in the version of the library that the benches are written with.
const RUNNER: &str = "gungraun-runner";

/// The folder of the benches, a workspace of its own.
pub(crate) fn folder(project: &Project) -> PathBuf {
    project.root.join("bench/instructions")
}

/// Counts the instructions of the hot paths. Fails if one needs more than its bench allows.
pub(crate) fn run(project: &Project) -> Result<()> {
    Tool::Valgrind.require()?;
    let target = project.target.join("instructions");
    let version = format!("={}", runner_version(project)?);
    let install = ["install", RUNNER, "--locked", "--version", &version, "--root"];
    process::run(
        process::cargo(&project.root)
            .args(install)
            .arg(&target)
            .arg("--target-dir")
            .arg(target.join("tools")),
    )?;
    let runner = target.join("bin").join(RUNNER);
    let mut bench = process::cargo(&folder(project));
    process::run(
        bench.args(["bench", "--locked", "--target-dir"]).arg(&target).env("GUNGRAUN_RUNNER", runner),
    )
}

fn runner_version(project: &Project) -> Result<String> {
    let path = folder(project).join("Cargo.lock");
    let lock = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let entry =
        lock.split_once("name = \"gungraun\"\nversion = \"").and_then(|(_, rest)| rest.split_once('"'));
    Ok(entry.with_context(|| format!("{} names no gungraun", path.display()))?.0.to_owned())
}
