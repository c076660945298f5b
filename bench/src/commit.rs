//! Names what was measured and where: the commit and the machine.

use std::process::Command;

use crate::home;

/// The abbreviated commit of the checkout, with `+changes` when files differ from it, or `uncommitted`.
pub(crate) fn checkout() -> String {
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "uncommitted".to_owned();
    };
    let changes = git(&["status", "--porcelain"]).is_none_or(|status| !status.is_empty());
    if changes { format!("{commit}+changes") } else { commit }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(home::folder()).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The processor's name and number of CPUs as one word for a path, as in `amd-epyc-2cpu`.
pub(crate) fn machine() -> String {
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpus = information.lines().filter(|line| line.starts_with("processor")).count();
    let model = information
        .lines()
        .find_map(|line| {
            line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim().to_owned())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    format!("{}-{cpus}cpu", word(&model))
}

/// The kernel release, which decides what a write costs.
pub(crate) fn kernel() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

fn word(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let parts: Vec<&str> =
        lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect();
    parts.join("-")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_processor_name_becomes_one_word_of_a_path() {
        assert_eq!(super::word("Intel(R) Xeon(R) CPU @ 2.20GHz"), "intel-r-xeon-r-cpu-2-20ghz");
    }
}
