use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use crate::reload::{Reloadable, lock};

/// How often the configuration file is looked at. Polling sees changes that notifications miss: bind mounts, swapped symbolic links.
const FILE_POLL_INTERVAL_MS: u64 = 500;

/// What tells one state of a file from another; `None` of one that is not there.
type Fingerprint = Option<(SystemTime, u64)>;

/// What tells one state of several files from another.
pub(crate) type Fingerprints = HashMap<PathBuf, Fingerprint>;

/// The files' states now. Taken before a file is read, so that a change in between is not missed.
pub(crate) fn fingerprints(paths: &[PathBuf]) -> Fingerprints {
    paths.iter().map(|path| (path.clone(), fingerprint(path))).collect()
}

fn fingerprint(path: &Path) -> Fingerprint {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Puts changes of the configuration, and of the files of TLS that it names, in force until the service stops.
pub(crate) async fn follow_files(
    reloadable: Arc<Mutex<Reloadable>>,
    mut seen: Fingerprints,
    stop: CancellationToken,
) {
    let paths = lock(&reloadable).files();
    if paths.is_empty() {
        return;
    }
    let mut changing = seen.clone();
    let mut ticks = tokio::time::interval(Duration::from_millis(FILE_POLL_INTERVAL_MS));
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        let found = fingerprints(&lock(&reloadable).files());
        // A file that is away for a moment, while an editor replaces it, changes nothing; and one that is still being written, which would be
        // read without its keys, is not read before it looks the same twice.
        // A file that the configuration names since it was last read has been read with it, and may have changed since: it is read once more.
        seen.retain(|path, _| found.contains_key(path));
        for path in found.keys() {
            seen.entry(path.clone()).or_insert(None);
        }
        if found.values().all(Option::is_some) && found != seen && found == changing {
            seen = found.clone();
            reload(&reloadable);
        }
        changing = found;
    }
}

/// Reads the configuration again. A wrong one changes nothing, and the log says why.
pub(crate) fn reload(reloadable: &Mutex<Reloadable>) {
    match lock(reloadable).reload() {
        Ok(()) => tracing::info!("the configuration was read again and is in force"),
        Err(error) => {
            metrics::counter!("webpubsub_reload_failures_total").increment(1);
            tracing::error!(%error, "the configuration is wrong and changes nothing");
        }
    }
}
