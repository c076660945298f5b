use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::project::Project;
use crate::tool::Tool;
use crate::{console, process};

/// Tests that are also run against three nodes behind a round-robin, with either durability: what clients and applications see of a cluster is what
/// they see of one node. Together they take less than a minute.
const OF_CLUSTERS: [&str; 10] = [
    "console_openid",
    "framing",
    "json_client",
    "protobuf_client",
    "realtime_sdk",
    "reliable_client",
    "rest_bodies",
    "rest_operations",
    "service_sdk",
    "streams",
];

/// Runs the official JavaScript clients and raw sockets against the release binary, and some of them against a cluster.
pub(crate) fn node(project: &Project) -> Result<()> {
    let folder = folder(project);
    install_node(project)?;
    // What the console's page is built by, so that a test can build it again and compare.
    install(project, &project.root.join("ui"), "ui-npm.stamp")?;
    let has_nats = Tool::NatsServer.offer();
    Tool::Chromium.offer();
    Tool::Faketime.offer();
    let binary = binary(project)?;
    let tests = files(&folder.join("js"), ".test.mjs")?;
    process::run(node_tests(&folder, &tests).env("HUBWIRE_BIN", &binary))?;
    if !has_nats {
        return Ok(());
    }
    let tests: Vec<_> =
        OF_CLUSTERS.iter().map(|name| folder.join("js").join(format!("{name}.test.mjs"))).collect();
    ["node", "cluster"].iter().try_for_each(|durability| {
        console::line(&format!("three nodes, durability {durability}"));
        let mut node = node_tests(&folder, &tests);
        node.env("HUBWIRE_BIN", project.root.join("deploy/cluster.mjs"));
        node.env("HUBWIRE_NODE_BIN", &binary).env("HUBWIRE_DURABILITY", durability);
        process::run(&mut node)
    })
}

fn node_tests(folder: &Path, tests: &[PathBuf]) -> Command {
    let mut node = Command::new("node");
    node.args(["--test", "--test-concurrency=2", "--test-reporter=spec"]).args(tests).current_dir(folder);
    node
}

/// Installs what the JavaScript tests need.
pub(crate) fn install_node(project: &Project) -> Result<()> {
    install(project, &folder(project), "conformance-npm.stamp")
}

/// Installs what a folder's lock file lists, unless that was done before.
fn install(project: &Project, folder: &Path, stamp: &str) -> Result<()> {
    let wanted = fs::read_to_string(folder.join("package-lock.json"))?;
    let stamp = Stamp { path: project.target.join(stamp), wanted };
    if !stamp.is_current(&folder.join("node_modules")) {
        let arguments = ["ci", "--no-audit", "--no-fund"];
        process::run(Command::new("npm").args(arguments).current_dir(folder))?;
        stamp.write()?;
    }
    Ok(())
}

/// Runs the official Python clients against the release binary.
pub(crate) fn python(project: &Project) -> Result<()> {
    let folder = folder(project);
    let environment = project.target.join("conformance-venv");
    let python = environment.join("bin").join("python");
    let requirements = folder.join("requirements.txt");
    let stamp =
        Stamp { path: environment.join("requirements.stamp"), wanted: fs::read_to_string(&requirements)? };
    if !stamp.is_current(&python) {
        process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
        let arguments = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        process::run(Command::new(&python).args(arguments).arg(&requirements))?;
        stamp.write()?;
    }
    let mut pytest = Command::new(&python);
    pytest.args(["-m", "pytest", "-v", "-p", "no:cacheprovider", "python"]);
    pytest.current_dir(&folder).env("PYTHONDONTWRITEBYTECODE", "1").env("HUBWIRE_BIN", binary(project)?);
    process::run(&mut pytest)
}

fn folder(project: &Project) -> PathBuf {
    project.root.join("testing/conformance")
}

/// The release binary, which must have been built.
pub(crate) fn binary(project: &Project) -> Result<PathBuf> {
    let binary = project.binary();
    if !binary.exists() {
        bail!("there is no binary at {}; build it with: cargo xtask test --only build", binary.display());
    }
    Ok(binary)
}

/// The files of a folder whose names end so, in order.
fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(ending) {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        bail!("{} has no file that ends with {ending}", folder.display());
    }
    Ok(files)
}

/// Remembers what was installed, so that it is done again only when something else is wanted.
pub(crate) struct Stamp {
    /// Where what was installed is written down.
    pub(crate) path: PathBuf,
    /// What is wanted now.
    pub(crate) wanted: String,
}

impl Stamp {
    /// Whether what is installed is what is wanted.
    pub(crate) fn is_current(&self, installed: &Path) -> bool {
        installed.exists() && fs::read_to_string(&self.path).is_ok_and(|had| had == self.wanted)
    }

    /// Notes that it is installed.
    pub(crate) fn write(&self) -> Result<()> {
        fs::write(&self.path, &self.wanted)
            .with_context(|| format!("{} cannot be written", self.path.display()))
    }
}
