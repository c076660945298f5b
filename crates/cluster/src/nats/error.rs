use std::path::PathBuf;

/// Why a node cannot take part in its cluster.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The credentials are not the text of a credentials file. Its own error could repeat what is in it.
    #[error("setting `cluster.credentials`: this is not the text of a credentials file")]
    Credentials,
    /// A file that TLS needs holds no certificate or no key.
    #[error("setting `{setting}`: {}: {problem}", path.display())]
    File {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A NATS server does not let the node in, or the node does not trust it.
    #[error("NATS at {servers} and this node do not come together; look at {settings}: {problem}")]
    Refused {
        /// The servers.
        servers: String,
        /// The settings that may be at fault.
        settings: &'static str,
        /// What the client says.
        problem: String,
    },
    /// No NATS server is there.
    #[error("setting `cluster.nats`: NATS at {servers} cannot be reached: {problem}")]
    Connect {
        /// The servers.
        servers: String,
        /// What the client says.
        problem: String,
    },
    /// NATS refuses a subscription.
    #[error("NATS refuses a subscription: {0}")]
    Subscribe(String),
    /// A stream of JetStream cannot be had. Hubs with durability "cluster" need two.
    #[error("the JetStream stream `{stream}` cannot be had: {problem}")]
    JetStream {
        /// The stream.
        stream: String,
        /// What the client says.
        problem: String,
    },
    /// Others had taken this node for dead, and have its sessions: it has to begin anew.
    #[error(
        "other nodes have taken the sessions of this one, since it was not heard of for too long: limit cluster_lease_ms"
    )]
    Fenced,
    /// The subscriptions have ended: the connection to NATS is closed for good.
    #[error("the connection to NATS has been closed")]
    Closed,
    /// No carried sockets can be taken, since the loopback interface cannot be listened on.
    #[error("cannot listen on the loopback interface: {0}")]
    Loopback(#[from] std::io::Error),
}
