use anyhow::bail;
use hubwire_server::{Config, NodeReport, nodes};

use crate::arguments::{self, ClusterAction};
use crate::output;

/// Carries out what is asked, by way of NATS: no node has to be reached.
pub(crate) fn run(arguments: &arguments::Cluster) -> anyhow::Result<()> {
    let ClusterAction::Status(settings) = &arguments.action;
    let config = Config::load(&settings.overrides(None))?;
    let Some(reports) = nodes(&config)? else {
        bail!("the settings name no cluster: the file has no table [cluster]");
    };
    output::line(&table(&reports))?;
    if reports.is_empty() {
        bail!("no node of the cluster answers");
    }
    // Every node should know every other one.
    if let Some(lost) = reports.iter().find(|report| report.peers as usize + 1 != reports.len()) {
        bail!("node {:08x} knows {} others, not {}", lost.node, lost.peers, reports.len() - 1);
    }
    Ok(())
}

fn table(reports: &[NodeReport]) -> String {
    let mut lines = vec![format!(
        "{:8}  {:30}  {:8}  {:>8}  {:>7}  {:>5}  {:>9}  {:>14}",
        "NODE", "ADDRESS", "VERSION", "UP", "WORKERS", "PEERS", "INTERESTS", "BACKLOG"
    )];
    lines.extend(reports.iter().map(|report| {
        format!(
            "{:08x}  {:30}  {:8}  {:>7}s  {:>7}  {:>5}  {:>9}  {:>8} frames",
            report.node,
            report.address,
            report.software,
            report.up_ms / 1000,
            report.workers,
            report.peers,
            report.interests,
            report.backlog_frames
        )
    }));
    lines.join("\n")
}
