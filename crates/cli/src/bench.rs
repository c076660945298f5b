use std::fs::{self, OpenOptions};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use hubwire_bench::live::{self, Load, LoadError, Second};

use crate::arguments::Bench;
use crate::output;
use crate::service::Service;

/// The exit code of a program that a second Ctrl+C ends.
const INTERRUPTED: i32 = 130;

/// Loads the service, tells of every second, and prints what became of the messages.
pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    let load = load(bench)?;
    // Files that cannot be written are better known before the run than after it.
    for path in bench.report.iter().chain(&bench.raw) {
        let opened = OpenOptions::new().create(true).append(true).open(path);
        opened.with_context(|| format!("cannot write {}", path.display()))?;
    }
    let stop = stop_on_interrupt()?;
    let connections = load.subscribers.saturating_mul(load.groups);
    output::error(&format!("connecting {connections} subscribers to {}", load.authority));
    let outcome = live::run(&load, &stop, |second| output::error(&line(second)))?;
    output::line(&outcome.summary())?;
    if let Some(path) = &bench.raw {
        write(path, &outcome.json_lines()?)?;
    }
    if let Some(path) = &bench.report {
        write(path, &outcome.html())?;
    }
    if !outcome.is_right() {
        bail!("messages were lost, duplicated, reordered, refused or not answered, or connections closed");
    }
    Ok(())
}

fn load(bench: &Bench) -> anyhow::Result<Load> {
    let service = Service::find(&bench.access)?;
    Ok(Load {
        secure: service.endpoint.scheme() == "https",
        authority: service.endpoint.authority().to_owned(),
        access_key: service.access_key().expose().to_owned(),
        hub: service.hub.to_string(),
        subscribers: bench.subscribers,
        groups: bench.groups,
        payload_bytes: bench.payload_bytes,
        rate: (!bench.full_speed).then_some(bench.rate),
        window: bench.window,
        path: bench.path,
        publishers: bench.publishers,
        protocol: bench.protocol,
        seconds: bench.seconds,
    })
}

/// The first Ctrl+C ends the run with what was measured, the second the program.
fn stop_on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let (stopping, runtime) =
        (stop.clone(), tokio::runtime::Builder::new_current_thread().enable_all().build()?);
    std::thread::spawn(move || {
        runtime.block_on(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                if stopping.swap(true, Ordering::Relaxed) {
                    std::process::exit(INTERRUPTED);
                }
                output::error("ending; Ctrl+C again ends at once");
            }
        });
    });
    Ok(stop)
}

fn line(second: &Second) -> String {
    format!(
        "{:>5.0} s  {:>9} published  {:>9} delivered  {:>5} in flight  p50 {:.0} us  p99 {:.0} us  {} errors",
        second.second,
        second.published,
        second.delivered,
        second.in_flight,
        second.latency.p50_us,
        second.latency.p99_us,
        second.errors
    )
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Whether a run failed because it was asked for wrongly.
pub(crate) fn is_wrongly_called(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(LoadError::OutOfBounds { .. }))
}
