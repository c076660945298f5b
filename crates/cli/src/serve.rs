use anyhow::Context;
use hubwire_server::{Running, Server};
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::Serve;
use crate::{logging, output};

/// Serves until the process is told to stop.
pub(crate) fn run(serve: &Serve) -> anyhow::Result<()> {
    logging::start(serve.log_format)?;
    let running = Server::start(serve.settings.overrides(serve.workers))?;
    output::banner(running.banner());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let by_itself = runtime.block_on(follow_signals(&running)).context("signals cannot be followed")?;
    output::error("hubwire: stopping; clients are told to reconnect");
    running.stop();
    if by_itself {
        anyhow::bail!("the service could not go on; its log says why");
    }
    Ok(())
}

/// Reloads on SIGHUP; comes back on SIGINT and SIGTERM, or when the service has begun to stop by itself: then the answer is yes.
async fn follow_signals(running: &Running) -> std::io::Result<bool> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        tokio::select! {
            _ = hangup.recv() => running.reload(),
            _ = interrupt.recv() => return Ok(false),
            _ = terminate.recv() => return Ok(false),
            () = running.stopped() => return Ok(true),
        }
    }
}
