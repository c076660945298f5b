use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::project::Project;
use crate::tool::Tool;
use crate::{console, process};

/// What libFuzzer needs of the compiler: counters on edges, a table of them, and the operands of comparisons. All of it is available on a
/// stable compiler. The address sanitizer is not: `cargo xtask sanitize` says how it can be had, and runs the seeds of these targets too.
const COVERAGE_FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares";

/// The folder of the fuzz targets, a workspace of its own.
pub(crate) fn folder(project: &Project) -> PathBuf {
    project.root.join("testing/fuzz")
}

/// Fuzzes one target, or each in turn, for so many seconds. The same `seed` begins the same way; without one each run is new.
pub(crate) fn run(project: &Project, target: Option<&str>, seconds: u64, seed: Option<u32>) -> Result<()> {
    let targets = targets(project, target)?;
    if let Err(error) = Tool::CxxCompiler.require() {
        console::line(&format!(
            "{error:#}: without libFuzzer, seeds and a fixed set of mutations are replayed"
        ));
        return replay(project);
    }
    let programs = build(project)?;
    for target in targets {
        console::line(&format!("--- {target}: {seconds} s"));
        fuzz(project, &programs.join(&target), &target, seconds, seed)?;
    }
    Ok(())
}

/// The targets that are asked for: each has a folder of seeds.
fn targets(project: &Project, target: Option<&str>) -> Result<Vec<String>> {
    let seeds = folder(project).join("seeds");
    let entries = fs::read_dir(&seeds).with_context(|| format!("{} cannot be read", seeds.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    match target {
        None => Ok(names),
        Some(target) if names.iter().any(|name| name == target) => Ok(vec![target.to_owned()]),
        Some(target) => bail!("there is no fuzz target `{target}`; the targets are: {}", names.join(" ")),
    }
}

fn replay(project: &Project) -> Result<()> {
    let mut cargo = process::cargo(&folder(project));
    process::run(cargo.args(["test", "--locked", "--target-dir"]).arg(project.target.join("fuzz")))
}

/// Builds the programs, and says where they are.
fn build(project: &Project) -> Result<PathBuf> {
    let host = host(&project.root)?;
    let target = project.target.join("fuzz");
    let mut cargo = process::cargo(&folder(project));
    // With an explicit target, build scripts and macros are built without these flags.
    cargo.args([
        "build",
        "--release",
        "--locked",
        "--bins",
        "--features",
        "libfuzzer",
        "--target",
        &host,
        "--target-dir",
    ]);
    process::run(cargo.arg(&target).env("RUSTFLAGS", COVERAGE_FLAGS))?;
    Ok(target.join(host).join("release"))
}

/// The platform that the compiler builds for.
pub(crate) fn host(root: &Path) -> Result<String> {
    let text = process::output(Command::new("rustc").arg("-vV").current_dir(root))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc names no host")
}

fn fuzz(project: &Project, program: &Path, target: &str, seconds: u64, seed: Option<u32>) -> Result<()> {
    let corpus = project.target.join("fuzz/corpus").join(target);
    let artifacts = project.target.join("fuzz/artifacts").join(target);
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&artifacts)?;
    let mut command = Command::new(program);
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.args([
        "-max_len=4096",
        "-timeout=10",
        "-rss_limit_mb=1024",
        "-verbosity=0",
        "-print_final_stats=1",
    ]);
    command.args(seed.map(|seed| format!("-seed={seed}")));
    command.arg(&corpus).arg(folder(project).join("seeds").join(target));
    let hint = || {
        format!(
            "an input breaks target `{target}`: run {} on the file in {}",
            program.display(),
            artifacts.display()
        )
    };
    process::run(&mut command).with_context(hint)
}
