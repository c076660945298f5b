use std::time::Duration;

use futures_util::StreamExt;
use prost::Message;

use super::connection::{Subjects, connect};
use super::error::Error;
use super::schema::{Body, Datagram};
use super::settings::Settings;

/// How long nodes have to answer, in milliseconds.
const PATIENCE_MS: u64 = 1_000;

/// How one node of a cluster is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeReport {
    /// Its number, which stands in the ids of its connections.
    pub node: u32,
    /// Its version of the software.
    pub software: String,
    /// Its version of what nodes say to each other.
    pub version: u32,
    /// Where its clients connect.
    pub address: String,
    /// How long it has run, in milliseconds.
    pub up_ms: u64,
    /// Its worker threads.
    pub workers: u32,
    /// The other nodes that it knows.
    pub peers: u32,
    /// The slots, of 65,536, in which it has recipients.
    pub interests: u32,
    /// Frames that have not arrived at other nodes.
    pub backlog_frames: u64,
    /// Their bytes.
    pub backlog_bytes: u64,
}

/// Asks all nodes of a cluster how they are, in the order of their numbers.
///
/// # Errors
/// [`Error`] if NATS cannot be reached.
pub async fn survey(settings: &Settings) -> Result<Vec<NodeReport>, Error> {
    let client = connect(settings).await?;
    let wrong = |error: &dyn std::fmt::Display| Error::Subscribe(error.to_string());
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(|error| wrong(&error))?;
    let subject = Subjects::new(&settings.name).survey();
    client.publish_with_reply(subject, inbox, bytes::Bytes::new()).await.map_err(|error| wrong(&error))?;
    let mut reports = Vec::new();
    let collect = async {
        while let Some(answer) = answers.next().await {
            reports.extend(report(answer.payload));
        }
    };
    let _silence = tokio::time::timeout(Duration::from_millis(PATIENCE_MS), collect).await;
    reports.sort_unstable_by_key(|report| report.node);
    Ok(reports)
}

fn report(datagram: bytes::Bytes) -> Option<NodeReport> {
    let Datagram { from: node, body: Some(Body::Hello(hello)) } = Datagram::decode(datagram).ok()? else {
        return None;
    };
    let report = hello.report.unwrap_or_default();
    Some(NodeReport {
        node,
        software: report.software,
        version: hello.version,
        address: report.address,
        up_ms: report.up_ms,
        workers: hello.workers,
        peers: report.peers,
        interests: report.interests,
        backlog_frames: report.backlog_frames,
        backlog_bytes: report.backlog_bytes,
    })
}
