//! What a process and a CPU have used, read from /proc.

use anyhow::{Context, Result};
use std::fs;

/// Ticks of `/proc/stat` are hundredths of a second on every Linux.
const TICK_NS: u64 = 10_000_000;

/// Nanoseconds on a CPU, user and system, since the process started.
///
/// `schedstat` is exact but knows living threads only; `stat` includes ended ones but in ticks rounded down. So the
/// larger of the two is exact while no thread has ended, and otherwise right to two ticks.
pub(crate) fn process_ns(process: u32) -> Result<u64> {
    Ok(living_threads_ns(process)?.max(all_threads_ns(process)?))
}

fn living_threads_ns(process: u32) -> Result<u64> {
    let mut total = 0;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end between being listed and being read.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else {
            continue;
        };
        let first = text.split_whitespace().next().context("an empty schedstat")?;
        total += first.parse::<u64>()?;
    }
    Ok(total)
}

fn all_threads_ns(process: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in parentheses may hold blanks; user and system ticks are the 12th and 13th words behind it.
    let words = stat.rsplit_once(')').context("a stat line without a name")?.1.split_whitespace();
    let ticks: Vec<u64> = words.skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<u64>() * TICK_NS)
}

/// Resident memory in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// `VmRSS` of `/proc/PID/status`.
    pub(crate) resident_bytes: u64,
    /// Private pages of `/proc/PID/smaps_rollup`: what the process alone is to blame for.
    pub(crate) private_bytes: u64,
}

/// The most resident memory that a process has had at once (`VmHWM`), in bytes.
pub(crate) fn peak_bytes(process: u32) -> Result<u64> {
    bytes_after(&fs::read_to_string(format!("/proc/{process}/status"))?, "VmHWM:")
}

/// Reads both measures of a process's memory.
pub(crate) fn memory(process: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let private_bytes = bytes_after(&rollup, "Private_Clean:")? + bytes_after(&rollup, "Private_Dirty:")?;
    Ok(Memory { resident_bytes: bytes_after(&status, "VmRSS:")?, private_bytes })
}

fn bytes_after(text: &str, name: &str) -> Result<u64> {
    let value =
        text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
    let kibibytes: u64 = value.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}

/// Nanoseconds in which these CPUs ran anything at all, or were taken away by the hypervisor (10 ms steps).
pub(crate) fn busy_ns(cpus: &[usize]) -> Result<u64> {
    let stat = fs::read_to_string("/proc/stat")?;
    cpus.iter().map(|cpu| one_busy_ns(&stat, *cpu)).sum()
}

fn one_busy_ns(stat: &str, cpu: usize) -> Result<u64> {
    let name = format!("cpu{cpu} ");
    let line =
        stat.lines().find_map(|line| line.strip_prefix(&name)).with_context(|| format!("no {name}"))?;
    let ticks: Vec<u64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    // Columns: user nice system idle iowait irq softirq steal guest guest_nice; guest time is part of user time.
    let busy = ticks.iter().take(8).enumerate().filter(|(column, _)| !matches!(column, 3 | 4));
    Ok(busy.map(|(_, ticks)| ticks).sum::<u64>() * TICK_NS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_has_used_time_and_memory() {
        let process = std::process::id();
        assert!(process_ns(process).unwrap() > 0);
        let memory = memory(process).unwrap();
        assert!(memory.resident_bytes >= memory.private_bytes && memory.private_bytes > 0);
        assert!(busy_ns(&[0]).unwrap() > 0);
    }

    #[test]
    fn a_missing_line_is_an_error() {
        assert_eq!(bytes_after("VmRSS:\t   12 kB\n", "VmRSS:").unwrap(), 12 * 1024);
        assert!(bytes_after("", "VmRSS:").is_err());
    }
}
