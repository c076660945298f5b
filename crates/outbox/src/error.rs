use std::path::PathBuf;

/// Why an outbox cannot be opened or asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process has the folder open.
    #[error("{0} is in use by another process")]
    InUse(PathBuf),
    /// The folder cannot be read or written.
    #[error("{path} cannot be used: {problem}")]
    Storage {
        /// The folder.
        path: PathBuf,
        /// What the storage said.
        problem: String,
    },
    /// The socket of a running service cannot be used.
    #[error("the running service at {path} cannot be asked: {problem}")]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system, or the service, said.
        problem: String,
    },
}
