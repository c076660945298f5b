//! The categories of log lines, as the managed service names them. The targets are what a filter of the log chooses them by.

/// Connections that begin and end, and clients that are refused.
pub(crate) const CONNECTIVITY: &str = "hubwire::connectivity";
/// Messages that are published, or that cannot be understood.
pub(crate) const MESSAGING: &str = "hubwire::messaging";
/// The category of [`CONNECTIVITY`].
pub(crate) const CONNECTIVITY_LOGS: &str = "ConnectivityLogs";
/// The category of [`MESSAGING`].
pub(crate) const MESSAGING_LOGS: &str = "MessagingLogs";
