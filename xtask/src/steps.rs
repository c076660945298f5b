use anyhow::{Result, bail};

use crate::project::Project;
use crate::tool::Tool;
use crate::{autobahn, conformance, console, deny, fuzz, instructions, process};

/// How long `cargo xtask test` runs each fuzz target, in seconds: long enough to replay all seeds and to find what is easily found.
const FUZZ_SECONDS: u64 = 5;

/// One thing that must hold.
pub(crate) struct Step {
    name: &'static str,
    needs: &'static [Tool],
    run: fn(&Project) -> Result<()>,
}

/// Every step, in order: what fails fast comes first.
static STEPS: [Step; 10] = [
    Step { name: "format", needs: &[], run: format },
    Step { name: "clippy", needs: &[], run: clippy },
    Step { name: "deny", needs: &[], run: deny::check },
    Step { name: "test", needs: &[], run: test },
    Step { name: "build", needs: &[], run: build },
    Step { name: "sdk", needs: &[], run: sdk },
    Step { name: "fuzz", needs: &[], run: |project| fuzz::run(project, None, FUZZ_SECONDS, Some(1)) },
    Step { name: "node", needs: &[Tool::Node, Tool::Npm], run: conformance::node },
    Step { name: "autobahn", needs: &[], run: autobahn::step },
    Step { name: "python", needs: &[Tool::Python], run: conformance::python },
];

/// The steps to run: those of `only`, or all if there are none, without those of `skip`.
pub(crate) fn select(only: &[String], skip: &[String]) -> Result<Vec<&'static Step>> {
    for name in only.iter().chain(skip) {
        if !STEPS.iter().any(|step| step.name == name) {
            let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
            bail!("there is no step `{name}`; the steps are: {}", names.join(" "));
        }
    }
    let among = |names: &[String], step: &Step| names.iter().any(|name| name == step.name);
    let chosen = STEPS.iter().filter(|step| (only.is_empty() || among(only, step)) && !among(skip, step));
    Ok(chosen.collect())
}

/// The steps with these names.
pub(crate) fn named(names: &[&str]) -> Vec<&'static Step> {
    STEPS.iter().filter(|step| names.contains(&step.name)).collect()
}

/// Runs steps up to the first that fails, and says at the end how many passed and failed. False if one failed.
pub(crate) fn run(project: &Project, steps: &[&Step]) -> Result<bool> {
    let mut lines = Vec::new();
    let mut failure = None;
    for step in steps {
        console::line(&format!("\n=== {}", step.name));
        let (outcome, seconds) = timed(|| perform(project, step));
        let word = if outcome.is_ok() { "passed" } else { "FAILED" };
        let line = format!("{:<8} {word} {seconds:>7.1} s", step.name);
        console::line(&format!("=== {line}"));
        lines.push(line);
        if let Err(error) = outcome {
            failure = Some((step.name, error));
            break;
        }
    }
    console::line(&format!("\n{}\n", lines.join("\n")));
    let failed = usize::from(failure.is_some());
    let left = steps.len() - lines.len();
    if left > 0 {
        console::line(&format!("{left} steps were not run."));
    }
    if let Some((name, error)) = &failure {
        console::error(&format!(
            "step `{name}` failed: {error:#}\n       run it again with: cargo xtask test --only {name}"
        ));
    }
    console::line(&format!("{} passed, {failed} failed", lines.len() - failed));
    Ok(failed == 0)
}

fn perform(project: &Project, step: &Step) -> Result<()> {
    step.needs.iter().try_for_each(|tool| tool.require())?;
    (step.run)(project)
}

/// Does something, and says how many seconds it took.
#[expect(clippy::disallowed_methods, reason = "durations are shown to a person and decide nothing")]
fn timed<T>(act: impl FnOnce() -> T) -> (T, f64) {
    let start = std::time::Instant::now();
    let outcome = act();
    (outcome, start.elapsed().as_secs_f64())
}

fn format(project: &Project) -> Result<()> {
    for workspace in project.workspaces() {
        process::run(process::cargo(&workspace).args(["fmt", "--all", "--check"]))?;
    }
    [fuzz::folder(project), instructions::folder(project)].iter().try_for_each(|folder| {
        let manifest = folder.join("Cargo.toml");
        process::run(process::cargo(&project.root).args(["fmt", "--check", "--manifest-path"]).arg(manifest))
    })
}

fn clippy(project: &Project) -> Result<()> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    let bare = ["clippy", "-p", "hubwire", "--no-default-features", "--locked", "--", "-D", "warnings"];
    process::run(project.cargo(&project.root).args(bare))?;
    project
        .workspaces()
        .iter()
        .try_for_each(|workspace| process::run(project.cargo(workspace).args(arguments)))
}

fn test(project: &Project) -> Result<()> {
    process::run(process::cargo(&project.root).args(["test", "--workspace", "--locked"]))
}

/// The SDK crates, against the release binary.
fn sdk(project: &Project) -> Result<()> {
    let binary = conformance::binary(project)?;
    let arguments = ["test", "--workspace", "--all-features", "--locked"];
    process::run(project.cargo(&project.sdk()).args(arguments).env("HUBWIRE_BIN", binary))
}

fn build(project: &Project) -> Result<()> {
    let manifest = project.root.join("crates/cli/Cargo.toml");
    process::run(
        process::cargo(&project.root)
            .args(["build", "--release", "--locked", "--manifest-path"])
            .arg(manifest),
    )
}
