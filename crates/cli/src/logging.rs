use anyhow::Context;
use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Writes the log to standard error. `HUBWIRE_LOG` chooses what, as `info` or `hubwire_gateway=debug` do.
///
/// # Errors
/// If that variable is no filter.
pub(crate) fn start(format: LogFormat) -> anyhow::Result<()> {
    let filter = match std::env::var("HUBWIRE_LOG") {
        Ok(text) => EnvFilter::try_new(text)
            .context("HUBWIRE_LOG is not a log filter, such as info or hubwire_gateway=debug")?,
        Err(_) => EnvFilter::new("info"),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}
