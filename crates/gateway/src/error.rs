use std::net::SocketAddr;

/// Why the client edge cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened on: in use, not this machine's, or not allowed.
    #[error("cannot listen on {address} (setting `listen`): {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A worker's event loop cannot be set up.
    #[error("cannot set up a worker's event loop: {0}")]
    EventLoop(#[from] std::io::Error),
}
