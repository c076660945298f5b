//! Encodes publishes.

use crate::frame;
use crate::scenario::{Fanout, PublishPath};
use crate::stamp::Stamp;
use crate::token::Signer;
use anyhow::Result;

/// Prepared heads of publishes, one per group.
pub(crate) struct Publisher {
    path: PublishPath,
    payload_bytes: usize,
    heads: Vec<Vec<u8>>,
    /// The next `ackId`; absent when publishing without.
    ack_id: Option<u64>,
    text: Vec<u8>,
}

impl Publisher {
    pub(crate) fn new(scenario: &Fanout, host: &str, signer: &Signer) -> Result<Self> {
        let groups = 0..scenario.groups;
        let heads: Result<Vec<_>> = match scenario.path {
            PublishPath::Websocket => Ok(groups.map(websocket_head).collect()),
            PublishPath::Rest => {
                groups.map(|group| rest_head(host, group, signer, scenario.payload_bytes)).collect()
            }
        };
        let with_acks = scenario.path == PublishPath::Websocket && !scenario.fire_and_forget;
        Ok(Self {
            path: scenario.path,
            payload_bytes: scenario.payload_bytes,
            heads: heads?,
            ack_id: with_acks.then_some(1),
            text: Vec::new(),
        })
    }

    /// Appends one publish to `group`.
    pub(crate) fn encode(&mut self, stamp: Stamp, group: usize, out: &mut Vec<u8>) {
        if self.path == PublishPath::Rest {
            out.extend_from_slice(&self.heads[group]);
            stamp.write_payload(out, self.payload_bytes);
            return;
        }
        self.text.clear();
        self.text.extend_from_slice(&self.heads[group]);
        stamp.write_payload(&mut self.text, self.payload_bytes);
        match &mut self.ack_id {
            Some(id) => {
                self.text.extend_from_slice(format!(r#"","ackId":{id}}}"#).as_bytes());
                *id += 1;
            }
            None => self.text.extend_from_slice(br#""}"#),
        }
        frame::write_client(out, frame::TEXT, &self.text);
    }
}

fn websocket_head(group: usize) -> Vec<u8> {
    let head =
        format!(r#"{{"type":"sendToGroup","group":"g{group}","dataType":"text","noEcho":true,"data":""#);
    head.into_bytes()
}

fn rest_head(host: &str, group: usize, signer: &Signer, payload_bytes: usize) -> Result<Vec<u8>> {
    let target = format!("/api/hubs/bench/groups/g{group}/:send?api-version=2024-12-01");
    let token = signer.rest(&format!("http://{host}{target}"))?;
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: text/plain\r\nContent-Length: {payload_bytes}\r\n\r\n"
    );
    Ok(head.into_bytes())
}
