use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process;

/// Where everything is.
pub(crate) struct Project {
    /// The root of the project, which is also the workspace of the service.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
}

impl Project {
    /// Finds the workspace that this program was built from.
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
        let mut cargo = process::cargo(&root);
        let text = process::output(cargo.args(["metadata", "--no-deps", "--format-version", "1"]))?;
        let metadata: Value = serde_json::from_str(&text)?;
        let target =
            metadata["target_directory"].as_str().context("cargo metadata names no target directory")?;
        Ok(Self { root, target: target.into() })
    }

    /// The workspace of the SDK crates.
    pub(crate) fn sdk(&self) -> PathBuf {
        self.root.join("sdk")
    }

    /// The workspaces, each with a lock file of its own.
    pub(crate) fn workspaces(&self) -> [PathBuf; 2] {
        [self.root.clone(), self.sdk()]
    }

    /// Cargo in one of the workspaces. All of them build into the same folder.
    pub(crate) fn cargo(&self, workspace: &Path) -> Command {
        let mut cargo = process::cargo(workspace);
        cargo.env("CARGO_TARGET_DIR", &self.target);
        cargo
    }

    /// The release binary of the service.
    pub(crate) fn binary(&self) -> PathBuf {
        self.target.join("release").join(format!("hubwire{}", std::env::consts::EXE_SUFFIX))
    }
}
