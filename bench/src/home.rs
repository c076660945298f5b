//! Where the generator's own files are: its runs, and its certificate.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

static HOME: OnceLock<PathBuf> = OnceLock::new();

/// Says where they are. Only the program `hubwire-bench` knows; it is not compiled into the service, whose binary is to be the same wherever it is
/// built.
pub(crate) fn set(folder: &str) {
    // The first one counts; there is one program in a process.
    let _set_before = HOME.set(folder.into());
}

/// The folder, or the one that the process is in if nobody has said so.
pub(crate) fn folder() -> &'static Path {
    HOME.get().map_or(Path::new("."), PathBuf::as_path)
}
