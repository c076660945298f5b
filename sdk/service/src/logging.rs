//! Logs switched on by the environment variable `AZURE_LOG_LEVEL`.
//!
//! The client logs through [`tracing`](https://docs.rs/tracing), and a subscriber of the application's own sees
//! everything without this module. It is for programs that have none, and for those who are used to the variable
//! from the other Azure SDKs:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! webpubsub::logging::init()?; // says nothing until AZURE_LOG_LEVEL is set
//! # Ok(()) }
//! ```
//!
//! | `AZURE_LOG_LEVEL` | shows |
//! | --- | --- |
//! | `error` | what went wrong |
//! | `warning` | what may go wrong, as plain http |
//! | `info` | every HTTP request and response, and refusals by the service |
//! | `verbose` | everything, as retries and paging |
//!
//! The `Authorization` header and all query values but `api-version` are written as `REDACTED`. Names in
//! [`LoggingOptions`](azure_core::http::LoggingOptions) add to what is shown.

use std::{
    env,
    error::Error,
    fmt,
    io::{self, IsTerminal},
    str::FromStr,
};
use tracing_subscriber::EnvFilter;

/// The name of the environment variable.
pub const AZURE_LOG_LEVEL: &str = "AZURE_LOG_LEVEL";

/// How much is logged, as the Azure SDKs name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Errors only.
    Error,
    /// Errors and warnings.
    Warning,
    /// Also each HTTP request and response.
    Info,
    /// Everything.
    Verbose,
}

impl LogLevel {
    /// The level in the environment, or none when the variable is not set or empty.
    ///
    /// # Errors
    ///
    /// When the variable holds something else than one of the four names.
    pub fn from_env() -> Result<Option<Self>, LoggingError> {
        match env::var(AZURE_LOG_LEVEL) {
            Ok(name) if name.is_empty() => Ok(None),
            Ok(name) => name.parse().map(Some),
            Err(env::VarError::NotPresent) => Ok(None),
            Err(env::VarError::NotUnicode(_)) => Err(LoggingError::UnknownLevel),
        }
    }

    /// The filter for a `tracing` subscriber of the application's own. It lets through what the Azure crates log at
    /// this level, and nothing else.
    pub fn env_filter(self) -> EnvFilter {
        EnvFilter::new(self.directives())
    }

    /// `azure_core` logs requests at its debug level; the other SDKs show them at `info`.
    fn directives(self) -> &'static str {
        match self {
            Self::Error => {
                "off,webpubsub=error,azure_core=error,azure_identity=error,typespec_client_core=error"
            }
            Self::Warning => {
                "off,webpubsub=warn,azure_core=warn,azure_identity=warn,typespec_client_core=warn"
            }
            Self::Info => {
                "off,webpubsub=info,azure_core=info,azure_identity=info,typespec_client_core=info,\
                 typespec_client_core::http::policies::logging=debug"
            }
            Self::Verbose => {
                "off,webpubsub=trace,azure_core=trace,azure_identity=trace,typespec_client_core=trace"
            }
        }
    }
}

impl FromStr for LogLevel {
    type Err = LoggingError;

    fn from_str(name: &str) -> Result<Self, LoggingError> {
        match name.to_ascii_lowercase().as_str() {
            "error" => Ok(Self::Error),
            "warning" => Ok(Self::Warning),
            "info" => Ok(Self::Info),
            "verbose" => Ok(Self::Verbose),
            _ => Err(LoggingError::UnknownLevel),
        }
    }
}

/// Writes logs of the level in `AZURE_LOG_LEVEL` to standard error from now on; without the variable, does nothing.
///
/// # Errors
///
/// When the variable holds no known level, or when the program has a `tracing` subscriber already: then add
/// [`LogLevel::env_filter`] to that one.
pub fn init() -> Result<(), LoggingError> {
    let Some(level) = LogLevel::from_env()? else { return Ok(()) };
    tracing_subscriber::fmt()
        .with_env_filter(level.env_filter())
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .try_init()
        .map_err(|_| LoggingError::AlreadySet)
}

/// Why logs could not be switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoggingError {
    /// `AZURE_LOG_LEVEL` is not `verbose`, `info`, `warning` or `error`.
    UnknownLevel,
    /// The program has a `tracing` subscriber already.
    AlreadySet,
}

impl fmt::Display for LoggingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownLevel => "AZURE_LOG_LEVEL is not one of verbose, info, warning, error",
            Self::AlreadySet => {
                "the program has a tracing subscriber already; add LogLevel::env_filter to it"
            }
        })
    }
}

impl Error for LoggingError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_names_are_known_in_any_case() {
        assert_eq!("Verbose".parse(), Ok(LogLevel::Verbose));
        assert_eq!("info".parse(), Ok(LogLevel::Info));
        assert_eq!("WARNING".parse(), Ok(LogLevel::Warning));
        assert_eq!("error".parse(), Ok(LogLevel::Error));
        assert_eq!("debug".parse::<LogLevel>(), Err(LoggingError::UnknownLevel));
    }

    #[test]
    fn each_level_is_a_valid_filter() {
        for level in [LogLevel::Error, LogLevel::Warning, LogLevel::Info, LogLevel::Verbose] {
            EnvFilter::try_new(level.directives()).expect("valid directives");
        }
    }
}
