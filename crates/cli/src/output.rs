//! The one place that writes to the terminal.
use std::io::{self, Write};

/// Prints a line for the caller of the program. A reader that has gone away, as `head` does, is an ordinary end.
///
/// # Errors
/// What the system says, if it is anything but a closed pipe.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other,
    }
}

/// Prints a line whose loss must not disturb a running service.
pub(crate) fn banner(text: &str) {
    let mut stdout = io::stdout().lock();
    // Nobody may be reading any more; the service serves all the same.
    let _unread = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// Prints a line beside the output: what the program is doing, or how it failed.
pub(crate) fn error(text: &str) {
    // Nobody may be reading any more; that must not keep the program from what it is doing.
    let _unread = writeln!(io::stderr().lock(), "{text}");
}

/// Text of other people's, without what would steer the terminal or begin a line that nobody sent.
pub(crate) fn harmless(text: &str) -> String {
    let escaped = |character: char| {
        let steers = character.is_control() && character != '\t';
        if steers { character.escape_default().to_string() } else { character.to_string() }
    };
    text.chars().map(escaped).collect()
}
