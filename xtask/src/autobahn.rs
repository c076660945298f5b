use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::project::Project;
use crate::tool::{Tool, python2};
use crate::{conformance, console, process};

/// Runs the Autobahn test suite against the release binary. It is written in Python 2.7, which a machine may not have: then it is left out, and
/// that is said.
pub(crate) fn run(project: &Project, cases: &[String]) -> Result<()> {
    let Some(python) = python2() else {
        console::line("Python 2.7 is missing; the Autobahn test suite is left out");
        return Ok(());
    };
    conformance::install_node(project)?;
    let folder = project.root.join("testing/conformance/autobahn");
    let environment = project.target.join("autobahn-venv");
    let wstest = install(&python, &folder, &environment)?;
    let mut node = Command::new("node");
    node.arg("run.mjs").args(cases).current_dir(&folder);
    process::run(node.env("AUTOBAHN", wstest).env("HUBWIRE_BIN", conformance::binary(project)?))
}

/// An environment of its own for the suite. Python 2.7 has no `venv`, so the package `virtualenv` makes it.
fn install(python: &Path, folder: &Path, environment: &Path) -> Result<std::path::PathBuf> {
    let requirements = folder.join("requirements.txt");
    let wstest = environment.join("bin/wstest");
    let stamp = conformance::Stamp {
        path: environment.join("requirements.stamp"),
        wanted: std::fs::read_to_string(&requirements)?,
    };
    if !stamp.is_current(&wstest) {
        let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        process::run(Command::new(python).args(quiet).args(["--user", "virtualenv==20.15.1"]))?;
        process::run(Command::new(python).args(["-m", "virtualenv", "--quiet"]).arg(environment))?;
        let mut pip = Command::new(environment.join("bin/python"));
        process::run(pip.args(quiet).arg("--requirement").arg(&requirements))?;
        stamp.write()?;
    }
    Ok(wstest)
}

/// What the step of `cargo xtask test` runs: the sections about the protocol. Those about large messages (9) and compression (12, 13) send
/// gigabytes and take many minutes; `cargo xtask autobahn` runs them all.
pub(crate) fn step(project: &Project) -> Result<()> {
    Tool::Node.require()?;
    let cases = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"].map(str::to_owned);
    run(project, &cases)
}
