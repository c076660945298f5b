use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Below this many descriptors an operator should know that connections will be refused early.
const COMFORTABLE: u64 = 10_000;

/// Raises the process's limit of open descriptors as far as the system allows: every connection needs one, and the usual default of 1024
/// is meant for programs that need few.
pub(crate) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open descriptors cannot be raised");
    }
    let current = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if current < COMFORTABLE {
        tracing::warn!(current, "few descriptors: about so many clients can connect (ulimit -n)");
    }
}
