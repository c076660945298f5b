//! The address sanitizer over the tests: of the unsafe code that is in the libraries, since there is none here.

use std::process::Command;

use anyhow::Result;

use crate::project::Project;
use crate::{console, process};

/// What is tested: the parsers and rules, whose buffers go through `bytes` and zlib-rs, and the client edge on real sockets, with hyper, rustls, mio
/// and tokio below it.
const PACKAGES: [&str; 6] = [
    "hubwire-protocol",
    "hubwire-auth",
    "hubwire-filter",
    "hubwire-hub",
    "hubwire-gateway",
    "hubwire-acceptance",
];

/// A fault ends the program, and so fails the step. Freed memory is kept aside for a while, to catch who still uses it: little of it, since some
/// tests look at how much memory there is.
const OPTIONS: &str = "detect_leaks=1:abort_on_error=1:detect_stack_use_after_return=1:quarantine_size_mb=16";

/// Runs tests under the address sanitizer, which looks for leaks at their end as well. The stable compiler has it, but wants to be asked as a
/// nightly one; a platform for which it was not built is told so by the compiler.
pub(crate) fn run(project: &Project) -> Result<()> {
    let host = crate::fuzz::host(&project.root)?;
    console::line("the address sanitizer, with a target folder of its own: everything is compiled anew");
    let mut cargo = process::cargo(&project.root);
    // With an explicit target, build scripts and macros are built without the flag. Examples in the documentation would be built without it.
    cargo.args(["test", "--locked", "--lib", "--tests", "--target", &host]);
    cargo.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    let target = project.target.join("sanitize");
    process::run(sanitized(cargo.arg("--target-dir").arg(&target)))?;
    // The seeds of all fuzz targets, and mutations of them.
    let mut cargo = process::cargo(&crate::fuzz::folder(project));
    cargo.args(["test", "--locked", "--tests", "--target", &host, "--target-dir"]);
    process::run(sanitized(cargo.arg(target.join("fuzz"))))
}

fn sanitized(cargo: &mut Command) -> &mut Command {
    cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address").env("ASAN_OPTIONS", OPTIONS)
}
