use std::collections::BTreeMap;

use hubwire_hub::{Limits, Outbox};
use hubwire_protocol::websocket::Decoder;
use hubwire_protocol::{ConnectionId, Subprotocol};
use serde_json::Value;

use crate::shard::socket::{Socket, Written};

/// One client, on its latest socket.
pub(super) struct Client {
    pub(super) id: ConnectionId,
    pub(super) subprotocol: Option<Subprotocol>,
    pub(super) decoder: Decoder,
    /// What it has sent and nobody has taken.
    pub(super) partial: Vec<u8>,
    /// It broke the framing: nothing that it sends is looked at any more.
    pub(super) is_deaf: bool,
    socket: Socket,
    story: Story,
}

/// What a client has been sent in its life, however many sockets that took.
#[derive(Default, Clone)]
pub(super) struct Story {
    /// The sequence id that must come next on this socket; after a recovery any that leaves no gap.
    next: Option<u64>,
    /// The last sequence id that was heard.
    heard: u64,
    /// The last one that was acknowledged, be it heard or not: who claims what is not so has no right to what he has missed.
    acknowledged: u64,
    /// What was heard under each of them.
    messages: BTreeMap<u64, Value>,
    /// What everybody in the hub was sent, by its number, in the order in which it came for the first time.
    announcements: Vec<usize>,
}

impl Client {
    pub(super) fn new(id: ConnectionId, subprotocol: Option<Subprotocol>, story: Story) -> Self {
        Self {
            id,
            subprotocol,
            decoder: Decoder::new(false),
            partial: Vec::new(),
            is_deaf: false,
            socket: Socket::default(),
            story,
        }
    }

    /// The last sequence id that it has heard.
    pub(super) fn heard(&self) -> u64 {
        self.story.heard
    }

    /// Notes that the client has acknowledged something.
    pub(super) fn acknowledges(&mut self, sequence_id: u64) {
        self.story.acknowledged = self.story.acknowledged.max(sequence_id);
    }

    /// What it remembers when its socket is gone.
    pub(super) fn into_story(self) -> Story {
        Story { next: None, ..self.story }
    }

    pub(super) fn announcements(&self) -> &[usize] {
        &self.story.announcements
    }

    /// Takes the first frames of its outbox, and perhaps a part of one that it will never see whole if its socket breaks now.
    pub(super) fn read(
        &mut self,
        outbox: &mut Outbox,
        limits: &Limits,
        frames: usize,
        partly: bool,
    ) -> Written {
        for frame in outbox.frames().take(frames) {
            let mut bytes = Vec::new();
            frame.write_head(&mut bytes);
            bytes.extend_from_slice(&frame.bytes);
            let payload = unframed(&bytes);
            if self.subprotocol == Some(Subprotocol::JsonReliable) && bytes[0] & 0x0f == 1 {
                self.story.hear(payload);
            }
        }
        self.socket.write(outbox, limits, frames, partly)
    }
}

impl Story {
    /// Reads one message of a reliable client.
    fn hear(&mut self, payload: &[u8]) {
        let message: Value = serde_json::from_slice(payload).expect("a client is sent JSON");
        let Some(sequence_id) = message["sequenceId"].as_u64() else {
            return;
        };
        match self.next {
            Some(next) => assert_eq!(sequence_id, next, "a number was left out or came twice"),
            None => {
                let last = self.heard.max(self.acknowledged);
                assert!(
                    sequence_id <= last.saturating_add(1),
                    "{sequence_id} follows {last} after a recovery"
                );
            }
        }
        self.next = Some(sequence_id + 1);
        match self.messages.get(&sequence_id) {
            Some(before) => assert_eq!(before, &message, "another message has the same number"),
            None => {
                let number = message["data"].as_str().and_then(|text| text.strip_prefix("announcement "));
                if let Some(number) = number.map(|number| number.parse().expect("it is the application's")) {
                    let last = self.announcements.last();
                    assert!(last.is_none_or(|last| *last < number), "announcement {number} follows {last:?}");
                    self.announcements.push(number);
                }
                self.messages.insert(sequence_id, message);
            }
        }
        self.heard = self.heard.max(sequence_id);
    }
}

/// The payload of one whole frame of the service, whose header must tell the truth.
fn unframed(bytes: &[u8]) -> &[u8] {
    assert_eq!(bytes[0] & 0xf0, 0x80, "the service sends whole frames without extensions");
    let (header_bytes, length) = match bytes[1] {
        127 => (10, u64::from_be_bytes(bytes[2..10].try_into().expect("eight bytes")) as usize),
        126 => (4, usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))),
        short => (2, usize::from(short)),
    };
    let payload = &bytes[header_bytes..];
    assert_eq!(payload.len(), length, "a frame's header does not fit its payload");
    payload
}
