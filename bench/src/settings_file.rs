//! A configuration file for a service that is measured with other settings than its own.

use anyhow::{Context, Result};
use std::path::PathBuf;

/// A file that is there as long as this value is.
pub(crate) struct SettingsFile(PathBuf);

impl SettingsFile {
    pub(crate) fn write(text: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("hubwire-bench-{}.toml", std::process::id()));
        std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for SettingsFile {
    fn drop(&mut self) {
        // A file that is left in a temporary folder hurts nobody.
        let _ = std::fs::remove_file(&self.0);
    }
}
