//! Where processes run and how many descriptors they may hold.

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

/// Lets the calling thread, and children and threads that it starts afterwards, run on these CPUs only.
pub(crate) fn pin_to(cpus: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    cpus.iter().for_each(|cpu| set.set(*cpu));
    sched_setaffinity(None, &set).with_context(|| format!("cannot run on CPUs {cpus:?}"))
}

/// Raises the soft descriptor limit to the hard one, which children inherit.
pub(crate) fn raise_descriptor_limit() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).context("cannot raise the descriptor limit")
}

/// Refuses a number of connections that one process cannot hold open.
pub(crate) fn require_descriptors(connections: usize) -> Result<()> {
    // Standard streams, epoll, the listener, files under /proc and the server's own timers and wakers.
    const RESERVED_DESCRIPTORS: u64 = 100;
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let needed = connections as u64 + RESERVED_DESCRIPTORS;
    anyhow::ensure!(
        needed <= limit,
        "{connections} connections need {needed} descriptors, the limit is {limit}"
    );
    Ok(())
}
