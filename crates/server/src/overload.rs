use std::sync::{Arc, Mutex};
use std::time::Duration;

use hubwire_hub::{Load, Strain};
use tokio_util::sync::CancellationToken;

use crate::reload::{Reloadable, lock};

/// How often memory is looked at, in milliseconds. At a gigabyte a second, which is more than a network brings, this is a quarter of one.
const INTERVAL_MS: u64 = 250;
/// Of what there is, this share may be held where nobody says: the rest is for the kernel's buffers of all those sockets.
const SHARE: (u64, u64) = (9, 10);

/// Measures what strains the process, until the service stops.
pub(crate) async fn follow(load: Arc<Load>, reloadable: Arc<Mutex<Reloadable>>, stop: CancellationToken) {
    let share_bytes = available_bytes().map(|bytes| bytes / SHARE.1 * SHARE.0);
    let mut ticks = tokio::time::interval(Duration::from_millis(INTERVAL_MS));
    let mut was = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        let setting = lock(&reloadable).memory_bytes_max();
        if let (Some(bytes_max), Some(held_bytes)) = (setting.or(share_bytes), held_bytes()) {
            load.note_memory(held_bytes, bytes_max);
        }
        let strain = load.any_strain();
        for kind in Strain::ALL {
            metrics::gauge!("webpubsub_strained", "strain" => kind.name())
                .set(f64::from(strain == Some(kind)));
        }
        match strain {
            Some(strain) if was.is_none() => {
                tracing::warn!("the service turns new clients and calls away, since {strain}");
            }
            None if was.is_some() => tracing::info!("the service takes new clients and calls again"),
            _ => {}
        }
        was = strain;
    }
}

/// What the process holds, where the system tells: pages in use stand second in the line.
pub(crate) fn held_bytes() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let resident: u64 = pages.split(' ').nth(1)?.parse().ok()?;
    Some(resident * rustix::param::page_size() as u64)
}

/// What the process could have, where the system tells: all of the machine's memory, or what its control group is allowed.
fn available_bytes() -> Option<u64> {
    let group = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let group = group.iter().find_map(|path| std::fs::read_to_string(path).ok()?.trim().parse().ok());
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_bytes(&text));
    group.into_iter().chain(machine).min()
}

/// The first line of `/proc/meminfo`: `MemTotal:       16384000 kB`.
fn total_bytes(meminfo: &str) -> Option<u64> {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_s_memory_is_read_from_its_line() {
        assert_eq!(total_bytes("MemTotal:       16384000 kB\nMemFree: 1 kB\n"), Some(16_384_000 * 1024));
        assert_eq!(total_bytes("nothing of the kind"), None);
    }
}
