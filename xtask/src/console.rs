use std::io::Write;

/// Prints a line where results go. A closed pipe is no reason to stop: the exit code still tells.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// Prints a line where errors go.
pub(crate) fn error(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "error: {text}"));
}
