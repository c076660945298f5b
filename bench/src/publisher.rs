//! Encodes publishes.

use crate::frame;
use crate::scenario::{Fanout, PublishPath};
use crate::stamp::Stamp;
use crate::token::{Address, Signer};
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
    pub(crate) fn new(scenario: &Fanout, address: &Address, signer: &Signer) -> Result<Self> {
        let groups = 0..scenario.groups;
        let heads: Result<Vec<_>> = match scenario.path {
            PublishPath::Websocket => Ok(groups.map(|group| websocket_head(&address.group(group))).collect()),
            PublishPath::Rest => {
                groups.map(|group| rest_head(address, group, signer, scenario.payload_bytes)).collect()
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

    /// Appends one publish to `group`, and answers its `ackId` if it has one.
    pub(crate) fn encode(&mut self, stamp: Stamp, group: usize, out: &mut Vec<u8>) -> Option<u64> {
        if self.path == PublishPath::Rest {
            out.extend_from_slice(&self.heads[group]);
            stamp.write_payload(out, self.payload_bytes);
            return None;
        }
        self.text.clear();
        self.text.extend_from_slice(&self.heads[group]);
        stamp.write_payload(&mut self.text, self.payload_bytes);
        let ack_id = self.ack_id;
        match ack_id {
            Some(id) => self.text.extend_from_slice(format!(r#"","ackId":{id}}}"#).as_bytes()),
            None => self.text.extend_from_slice(br#""}"#),
        }
        self.ack_id = ack_id.map(|id| id + 1);
        frame::write_client(out, frame::TEXT, &self.text);
        ack_id
    }
}

fn websocket_head(group: &str) -> Vec<u8> {
    let head =
        format!(r#"{{"type":"sendToGroup","group":"{group}","dataType":"text","noEcho":true,"data":""#);
    head.into_bytes()
}

fn rest_head(address: &Address, group: usize, signer: &Signer, payload_bytes: usize) -> Result<Vec<u8>> {
    let path = format!("/api/hubs/{}/groups/{}/:send", address.hub, address.group(group));
    let token = signer.rest(&address.audience(&path))?;
    let host = &address.authority;
    let head = format!(
        "POST {path}?api-version=2024-12-01 HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: text/plain\r\nContent-Length: {payload_bytes}\r\n\r\n"
    );
    Ok(head.into_bytes())
}
