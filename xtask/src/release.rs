//! The binary as it is released: one static file, and the same bytes from the same sources, whatever folder they are built in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::project::Project;
use crate::tool::Tool;
use crate::{console, process, sbom};

/// The Rust target whose binaries need nothing of the system that they run on but its kernel.
fn target() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

/// Builds the release and puts everything that belongs to it into a folder. With `check` the last commit is built once more, elsewhere, and has to
/// come out the same.
pub(crate) fn run(project: &Project, folder: &Path, check: bool) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("a static binary is built on Linux");
    }
    Tool::MuslCompiler.require()?;
    require_standard_library(project)?;
    let built = build(&project.root, &project.target)?;
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let name = format!("hubwire-{}-linux", std::env::consts::ARCH);
    let binary = folder.join(&name);
    fs::copy(&built, &binary).with_context(|| format!("{} cannot be written", binary.display()))?;
    sbom::run(project, &folder.join(format!("{name}.cdx.json")))?;
    fs::write(folder.join(format!("{name}.build.txt")), description(project)?)?;
    let digest = digest(&binary)?;
    fs::write(folder.join("SHA256SUMS"), format!("{digest}  {name}\n"))?;
    console::line(&format!("{digest}  {}", binary.display()));
    if check { reproduce(project, &digest) } else { Ok(()) }
}

/// Rust's own part of a static binary, which comes with Rust if it is asked for.
fn require_standard_library(project: &Project) -> Result<()> {
    let target = target();
    let mut rustc = Command::new("rustc");
    rustc.current_dir(&project.root).args(["--print", "target-libdir", "--target", &target]);
    if Path::new(process::output(&mut rustc)?.trim()).is_dir() {
        return Ok(());
    }
    process::run(Command::new("rustup").current_dir(&project.root).args(["target", "add", &target]))
        .with_context(|| format!("Rust's standard library for {target} is missing"))
}

/// Builds the last commit in a folder with another path, from nothing.
fn reproduce(project: &Project, expected: &str) -> Result<()> {
    if !process::output(git(&project.root).args(["status", "--porcelain"]))?.is_empty() {
        bail!("there are changes that are not committed, so the last commit would not give the same binary");
    }
    let root = project.target.join("reproduction-in-another-folder");
    if root.exists() {
        fs::remove_dir_all(&root).with_context(|| format!("{} cannot be removed", root.display()))?;
    }
    process::run(git(&project.root).args(["clone", "--quiet", "."]).arg(&root))?;
    let again = digest(&build(&root, &root.join("target"))?)?;
    if again != expected {
        bail!("built in {} the binary is another one: {again}", root.display());
    }
    console::line(&format!("built again in {}: the same", root.display()));
    fs::remove_dir_all(&root).with_context(|| format!("{} cannot be removed", root.display()))
}

/// Builds the static binary of the sources in `root`, with no trace of where they are.
fn build(root: &Path, cargo_target: &Path) -> Result<PathBuf> {
    let target = target();
    let cargo_home = cargo_home()?;
    let places = [(cargo_target, "/target"), (root, "/hubwire"), (&*cargo_home, "/cargo")];
    // The last one that fits holds for rustc and for the C compiler alike: the folder of what is built may be inside of the sources.
    let renamed = |option: &str| {
        let places = places.iter().rev();
        places.map(|(place, name)| format!("{option}={}={name}", place.display())).collect::<Vec<_>>()
    };
    let rust = renamed("--remap-path-prefix");
    let c = renamed("-ffile-prefix-map").join(" ");
    let suffix = target.replace('-', "_");
    let mut cargo = process::cargo(root);
    cargo
        .args(["build", "--release", "--locked", "--package", "hubwire", "--target", &target])
        .env("CARGO_TARGET_DIR", cargo_target)
        // Words of their own, since a path may have spaces.
        .env("CARGO_ENCODED_RUSTFLAGS", rust.join("\u{1f}"))
        .env(format!("CC_{suffix}"), "musl-gcc")
        .env(format!("CFLAGS_{suffix}"), c)
        // Names of functions stay, for whoever sends a backtrace; tables of lines are four fifths of the file.
        .env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo")
        // For whatever writes the time of its compilation down.
        .env("SOURCE_DATE_EPOCH", first_line(git(root).args(["log", "-1", "--format=%ct"]))?);
    process::run(&mut cargo)?;
    let binary = cargo_target.join(&target).join("release").join("hubwire");
    let headers =
        process::output(Command::new("readelf").args(["--program-headers", "--wide"]).arg(&binary))?;
    if headers.contains("INTERP") {
        bail!("{} is not static", binary.display());
    }
    Ok(binary)
}

/// With what the same bytes can be built again.
fn description(project: &Project) -> Result<String> {
    Ok(format!(
        "commit  {}\nrustc   {}\nC       {}\ntarget  {}\nrepeat  cargo xtask release --check\n",
        first_line(git(&project.root).args(["rev-parse", "HEAD"]))?,
        first_line(Command::new("rustc").arg("--version").current_dir(&project.root))?,
        first_line(Command::new("musl-gcc").arg("--version"))?,
        target(),
    ))
}

fn git(root: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(root);
    git
}

fn first_line(command: &mut Command) -> Result<String> {
    Ok(process::output(command)?.lines().next().unwrap_or_default().to_owned())
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return Ok(home.into());
    }
    let home = std::env::var_os("HOME").context("neither CARGO_HOME nor HOME is set")?;
    Ok(Path::new(&home).join(".cargo"))
}

fn digest(file: &Path) -> Result<String> {
    let text = process::output(Command::new("sha256sum").arg(file))?;
    Ok(text.split_whitespace().next().context("sha256sum printed nothing")?.to_owned())
}
