use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{console, process};

/// A program that a step needs besides Rust. The C compiler is not among them: without one this program would not have been linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Runs the JavaScript clients.
    Node,
    /// Installs them.
    Npm,
    /// Runs the Python clients, in an environment of their own.
    Python,
    /// Compiles libFuzzer.
    CxxCompiler,
    /// Takes what event listeners are told.
    NatsServer,
    /// Counts instructions.
    Valgrind,
    /// Shows the console to its tests.
    Chromium,
    /// Makes the clock jump.
    Faketime,
    /// Compiles C for static binaries.
    MuslCompiler,
}

impl Tool {
    /// Makes sure that the tool is there: as root it is installed where there is apt.
    pub(crate) fn require(self) -> Result<()> {
        if self.is_present() {
            return Ok(());
        }
        let packages = self.packages();
        if !can_install() {
            bail!("{} is missing; on Debian: apt-get install {}", self.name(), packages.join(" "));
        }
        console::line(&format!("installing {} for {}", packages.join(" "), self.name()));
        install(packages).with_context(|| format!("{} is missing and cannot be installed", self.name()))?;
        if !self.is_present() {
            bail!("{} is still missing after apt-get install {}", self.name(), packages.join(" "));
        }
        Ok(())
    }

    /// The same for a tool that only some tests need: without it they are left out, and say so. Whether it is there.
    pub(crate) fn offer(self) -> bool {
        let outcome = self.require();
        if let Err(error) = &outcome {
            console::line(&format!("{error:#}; the tests that need it are left out"));
        }
        outcome.is_ok()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Node => "Node.js 20 or later",
            Self::Npm => "npm",
            Self::Python => "Python 3.9 or later with venv",
            Self::CxxCompiler => "a C++ compiler",
            Self::NatsServer => "nats-server",
            Self::Valgrind => "valgrind",
            Self::Chromium => "Chromium",
            Self::Faketime => "libfaketime",
            Self::MuslCompiler => "musl-gcc",
        }
    }

    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Node => &["nodejs"],
            Self::Npm => &["npm"],
            Self::Python => &["python3", "python3-venv"],
            Self::CxxCompiler => &["g++"],
            Self::NatsServer => &["nats-server"],
            Self::Valgrind => &["valgrind", "libc6-dbg"],
            Self::Chromium => &["chromium"],
            Self::Faketime => &["faketime"],
            Self::MuslCompiler => &["musl-tools"],
        }
    }

    fn is_present(self) -> bool {
        match self {
            Self::Node => node_version().is_some_and(|major| major >= 20),
            Self::Npm => process::succeeds(Command::new("npm").arg("--version")),
            Self::Python => {
                let check = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))";
                process::succeeds(Command::new("python3").args(["-c", check]))
            }
            Self::CxxCompiler => process::succeeds(Command::new("c++").arg("--version")),
            Self::Chromium => ["chromium", "chromium-browser", "google-chrome"]
                .iter()
                .any(|program| process::succeeds(Command::new(program).arg("--version"))),
            // Debian keeps it where only root looks.
            Self::NatsServer => ["nats-server", "/usr/sbin/nats-server"]
                .iter()
                .any(|program| process::succeeds(Command::new(program).arg("--version"))),
            Self::Faketime => process::succeeds(Command::new("faketime").arg("--version")),
            Self::MuslCompiler => process::succeeds(Command::new("musl-gcc").arg("--version")),
            Self::Valgrind => process::succeeds(Command::new("valgrind").arg("--version")),
        }
    }
}

/// Python 2.7, wherever it may be. Distributions have given it up, so nothing installs it.
pub(crate) fn python2() -> Option<PathBuf> {
    let named = std::env::var_os("PYTHON2").map(PathBuf::from);
    let usual = ["python2.7", "python2"].map(PathBuf::from);
    let pyenv =
        std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv/versions/2.7.18/bin/python"));
    let check = ["-c", "import sys; sys.exit(sys.version_info[:2] != (2, 7))"];
    let is_it = |python: &PathBuf| process::succeeds(Command::new(python).args(check));
    named.into_iter().chain(usual).chain(pyenv).find(is_it)
}

fn node_version() -> Option<u32> {
    let text = process::output(Command::new("node").arg("--version")).ok()?;
    text.strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn can_install() -> bool {
    let root = process::output(Command::new("id").arg("-u")).is_ok_and(|user| user.trim() == "0");
    root && process::succeeds(Command::new("apt-get").arg("--version"))
}

fn install(packages: &[&str]) -> Result<()> {
    process::run(Command::new("apt-get").args(["update", "--quiet"]))?;
    let mut install = Command::new("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    process::run(install.args(["install", "--yes", "--quiet", "--no-install-recommends"]).args(packages))
}
