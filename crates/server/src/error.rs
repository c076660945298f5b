use crate::ConfigError;

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is wrong; the text names it, and where it stands.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The client edge cannot start.
    #[error(transparent)]
    Gateway(#[from] hubwire_gateway::Error),
    /// The metrics address cannot be listened on.
    #[error("cannot listen on {address} (setting `metrics.listen`): {source}")]
    Metrics {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder of events that wait cannot be used.
    #[error("setting `data_directory`: {0}")]
    Outbox(#[from] hubwire_outbox::Error),
    /// The node cannot take part in its cluster.
    #[error(transparent)]
    Cluster(#[from] hubwire_cluster::nats::Error),
    /// The other nodes of the cluster are there, but do not answer.
    #[error("setting `cluster.nats`: the other nodes of the cluster did not answer in time")]
    ClusterSilent,
    /// Spans cannot be exported at all.
    #[error("setting `telemetry`: {0}")]
    Telemetry(String),
    /// The system gives no thread or no event loop.
    #[error("cannot start a worker: {0}")]
    Worker(#[from] std::io::Error),
}
