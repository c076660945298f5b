use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// What `cargo xtask help` shows.
pub(crate) const HELP: &str = "\
Usage: cargo xtask TASK

  test [--only STEP]... [--skip STEP]...   everything that must hold before a change goes in
  lint                                     format and clippy
  deny                                     licences, bans, duplicates and sources of dependencies (deny.toml)
  conformance                              the official clients against the release binary
  fuzz [TARGET] [--seconds N]              one fuzz target or all, 60 seconds each
  autobahn [CASE]...                       the Autobahn test suite (Python 2.7) against the release binary; patterns such as 6.*
  sbom [FILE]                              what the service is built from, as CycloneDX; hubwire.cdx.json if no file is named
  release [FOLDER] [--check]               the static binary, its digest and bill of materials, in target/dist or FOLDER;
                                           with --check it is built once more elsewhere, and must be the same
  sanitize                                 tests under the address and leak sanitizers
  audit FOLDER                             the lock files against a copy of the RustSec advisory database
  instructions                             instructions of the hot paths, counted by valgrind, against their limits
  help                                     this

Steps of test, in order: format clippy deny test build sdk fuzz node autobahn python";

/// How long `cargo xtask fuzz` runs each target, in seconds.
const FUZZ_SECONDS: u64 = 60;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// The task.
    pub(crate) task: Task,
}

/// What can be asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// All steps, or only some, or all but some.
    Test { only: Vec<String>, skip: Vec<String> },
    /// Form and lints.
    Lint,
    /// The policy for dependencies.
    Deny,
    /// The official clients.
    Conformance,
    /// Fuzz targets.
    Fuzz { target: Option<String>, seconds: u64 },
    /// The Autobahn test suite, or the cases that these patterns name.
    Autobahn { cases: Vec<String> },
    /// The software bill of materials.
    Sbom { file: PathBuf },
    /// The static binary and what belongs to it; whether it is to be built twice.
    Release { folder: PathBuf, check: bool },
    /// Known vulnerabilities.
    Audit { database: PathBuf },
    /// Tests under a sanitizer.
    Sanitize,
    /// Instruction counts.
    Instructions,
    /// How to ask.
    Help,
}

/// Reads the arguments after `cargo xtask`.
pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
    let task = match arguments.next().as_deref() {
        Some("test") => test(&mut arguments)?,
        Some("lint") => Task::Lint,
        Some("deny") => Task::Deny,
        Some("conformance") => Task::Conformance,
        Some("fuzz") => fuzz(&mut arguments)?,
        Some("autobahn") => Task::Autobahn { cases: arguments.by_ref().collect() },
        Some("sbom") => {
            Task::Sbom { file: arguments.next().unwrap_or_else(|| "hubwire.cdx.json".to_owned()).into() }
        }
        Some("release") => release(&mut arguments)?,
        Some("audit") => Task::Audit {
            database: arguments.next().context("audit needs the folder of the database")?.into(),
        },
        Some("sanitize") => Task::Sanitize,
        Some("instructions") => Task::Instructions,
        Some("help" | "--help" | "-h") => Task::Help,
        Some(other) => bail!("there is no task `{other}`\n\n{HELP}"),
        None => bail!("which task?\n\n{HELP}"),
    };
    match arguments.next() {
        Some(extra) => bail!("`{extra}` is one argument too many\n\n{HELP}"),
        None => Ok(Options { task }),
    }
}

fn test(arguments: &mut impl Iterator<Item = String>) -> Result<Task> {
    let (mut only, mut skip) = (Vec::new(), Vec::new());
    while let Some(argument) = arguments.next() {
        let list = match argument.as_str() {
            "--only" => &mut only,
            "--skip" => &mut skip,
            _ => bail!("`{argument}` is not an option of test\n\n{HELP}"),
        };
        list.push(arguments.next().with_context(|| format!("{argument} needs the name of a step"))?);
    }
    Ok(Task::Test { only, skip })
}

fn fuzz(arguments: &mut impl Iterator<Item = String>) -> Result<Task> {
    let (mut target, mut seconds) = (None, FUZZ_SECONDS);
    while let Some(argument) = arguments.next() {
        if argument == "--seconds" {
            let text = arguments.next().context("--seconds needs a number")?;
            seconds = text.parse().with_context(|| format!("`{text}` is not a number of seconds"))?;
        } else if target.is_none() && !argument.starts_with('-') {
            target = Some(argument);
        } else {
            bail!("`{argument}` is not an option of fuzz\n\n{HELP}");
        }
    }
    Ok(Task::Fuzz { target, seconds })
}

fn release(arguments: &mut impl Iterator<Item = String>) -> Result<Task> {
    let (mut folder, mut check) = (None, false);
    for argument in arguments {
        match argument.as_str() {
            "--check" => check = true,
            _ if folder.is_none() && !argument.starts_with('-') => folder = Some(argument),
            _ => bail!("`{argument}` is not an option of release\n\n{HELP}"),
        }
    }
    let folder = folder.unwrap_or_else(|| "target/dist".to_owned()).into();
    Ok(Task::Release { folder, check })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Task> {
        parse(line.split_whitespace().map(str::to_owned)).map(|options| options.task)
    }

    #[test]
    fn steps_can_be_chosen_and_left_out() {
        let task =
            Task::Test { only: vec!["test".to_owned(), "deny".to_owned()], skip: vec!["node".to_owned()] };
        assert_eq!(parsed("test --only test --skip node --only deny").unwrap(), task);
    }

    #[test]
    fn a_fuzz_target_and_its_time_can_be_given_in_any_order() {
        let task = Task::Fuzz { target: Some("json".to_owned()), seconds: 7 };
        assert_eq!(parsed("fuzz json --seconds 7").unwrap(), task);
        assert_eq!(parsed("fuzz --seconds 7 json").unwrap(), task);
    }

    #[test]
    fn a_release_can_be_checked_and_put_anywhere() {
        let task = Task::Release { folder: "out".into(), check: true };
        assert_eq!(parsed("release out --check").unwrap(), task);
        let task = Task::Release { folder: "target/dist".into(), check: false };
        assert_eq!(parsed("release").unwrap(), task);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in [
            "",
            "tset",
            "test --only",
            "test fast",
            "fuzz a b",
            "fuzz --seconds x",
            "release a b",
            "release --chekc",
            "lint now",
        ] {
            assert!(parsed(line).is_err(), "`{line}` was understood");
        }
    }
}
