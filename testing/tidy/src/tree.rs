use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{Manifest, RustFile};

/// What is made by tools and belongs to nobody. `.git` is a folder, or, in a linked work tree, a file that says where that is.
const FOREIGN: [&str; 9] = [
    ".git",
    "target",
    "node_modules",
    "artifacts",
    "corpus",
    "__pycache__",
    ".pytest_cache",
    ".venv",
    ".cache",
];

/// The files of the project, by their paths below its root, with forward slashes.
pub struct Tree {
    root: PathBuf,
    paths: Vec<String>,
}

impl Tree {
    /// Lists the files of the project that this crate stands in. It works without git, and so on an unpacked archive too.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn read() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        let mut paths = Vec::new();
        list(&root, "", &mut paths)?;
        paths.sort();
        Ok(Self { root, paths })
    }

    /// All paths, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    /// The text of a file.
    ///
    /// # Errors
    /// If there is no such file, or it is not text.
    pub fn text(&self, path: &str) -> Result<String> {
        std::fs::read_to_string(self.root.join(path)).with_context(|| format!("{path} cannot be read"))
    }

    /// Every file that is text, with its path.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn texts(&self) -> Result<Vec<(&str, String)>> {
        let mut texts = Vec::new();
        for path in self.paths() {
            let bytes =
                std::fs::read(self.root.join(path)).with_context(|| format!("{path} cannot be read"))?;
            if let Ok(text) = String::from_utf8(bytes) {
                texts.push((path, text));
            }
        }
        Ok(texts)
    }

    /// Every Rust file, tests included.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn rust_files(&self) -> Result<Vec<RustFile>> {
        let paths = self.paths().filter(|path| path.ends_with(".rs"));
        paths.map(|path| Ok(RustFile::new(path, self.text(path)?))).collect()
    }

    /// Every package's manifest; the root has none.
    ///
    /// # Errors
    /// If a manifest cannot be read, or is not one.
    pub fn manifests(&self) -> Result<Vec<Manifest>> {
        let paths = self.paths().filter(|path| path.ends_with("/Cargo.toml"));
        paths.map(|path| Manifest::parse(path, &self.text(path)?)).collect()
    }
}

fn list(folder: &Path, prefix: &str, into: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if FOREIGN.contains(&name.as_str()) {
            continue;
        }
        if entry.file_type()?.is_file() {
            into.push(path);
        } else if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{path}/"), into)?;
        }
    }
    Ok(())
}
