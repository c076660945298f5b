use bytes::Bytes;
use hubwire_protocol::websocket::{Opcode, data_frame};
use hubwire_protocol::{Data, Message, json};

/// One message in every form that recipients have asked for so far. Each form is made at most once per shard.
pub(crate) struct Encodings<'a> {
    message: &'a Message,
    simple: Option<Bytes>,
    json: Option<Bytes>,
    json_tail: Option<Bytes>,
}

impl<'a> Encodings<'a> {
    pub(crate) fn new(message: &'a Message) -> Self {
        Self { message, simple: None, json: None, json_tail: None }
    }

    /// What simple clients see: the bare payload.
    pub(crate) fn simple(&mut self) -> Bytes {
        self.simple.get_or_insert_with(|| simple(&self.message.data)).clone()
    }

    /// A whole frame of the plain JSON protocol.
    pub(crate) fn json(&mut self) -> Bytes {
        self.json.get_or_insert_with(|| json::message(self.message)).clone()
    }

    /// The shared part of a frame of the reliable JSON protocol.
    pub(crate) fn json_tail(&mut self) -> Bytes {
        self.json_tail.get_or_insert_with(|| json::sequenced_tail(self.message)).clone()
    }
}

fn simple(data: &Data) -> Bytes {
    let opcode = match data {
        Data::Text(_) | Data::Json(_) => Opcode::Text,
        Data::Binary(_) | Data::Protobuf(_) => Opcode::Binary,
    };
    data_frame(opcode, data.bytes())
}
