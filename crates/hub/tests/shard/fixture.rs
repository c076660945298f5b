use std::sync::Arc;

use bytes::Bytes;
use hubwire_auth::Permissions;
use hubwire_hub::{
    Answer, Command, ConnectionKey, Effect, Ending, Envelope, Event, Limits, Occurrence, Opening, Protocol,
    Question, Reply, Shard, SimpleMode, Target, Unanswered,
};
use hubwire_protocol::{
    ConnectionId, Data, GroupName, HubName, Message, Request, Sender, Subprotocol, UserId, json,
};

pub(crate) fn hub() -> HubName {
    HubName::parse("chat").unwrap()
}

pub(crate) fn group(name: &str) -> GroupName {
    GroupName::parse(name).unwrap()
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::from_token(name)
}

pub(crate) fn to_group(name: &str) -> Target {
    Target::Group(group(name))
}

pub(crate) fn id(number: u128) -> ConnectionId {
    ConnectionId::new(number << 8, 0)
}

/// A connection that may do everything, in group `g`.
pub(crate) fn opening(number: u128, protocol: Protocol) -> Opening {
    let roles = [
        "webpubsub.sendToGroup",
        "webpubsub.joinLeaveGroup",
        "webpubsub.setGroupState",
        "webpubsub.getGroupState",
    ];
    let subprotocol = match protocol {
        Protocol::PubSub(subprotocol) => Some(subprotocol.name().into()),
        Protocol::Simple(_) => None,
    };
    Opening {
        id: id(number),
        hub: hub(),
        user: Some(user(&format!("u{number}"))),
        permissions: Permissions::from_roles(roles.into_iter()).0,
        groups: vec![group("g")],
        protocol,
        subprotocol,
        reconnection_token: None,
        origin: "localhost".into(),
        state: None,
    }
}

pub(crate) fn simple() -> Protocol {
    Protocol::Simple(Box::new(SimpleMode::SendToGroup { group: group("g"), no_echo: false }))
}

/// A shard, its clock, and sockets that take everything as soon as a test asks what was sent.
pub(crate) struct Node {
    pub(crate) shard: Shard,
    pub(crate) now_ms: u64,
}

impl Node {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { shard: Shard::new(Arc::new(limits)), now_ms: 1000 }
    }

    /// Opens a connection, whose greeting is taken.
    pub(crate) fn open(&mut self, number: u128, protocol: Protocol) -> ConnectionKey {
        let key = self.shard.connect(opening(number, protocol));
        self.sent(key);
        key
    }

    pub(crate) fn plain(&mut self, number: u128) -> ConnectionKey {
        self.open(number, Protocol::PubSub(Subprotocol::Json))
    }

    pub(crate) fn reliable(&mut self, number: u128) -> ConnectionKey {
        self.open(number, Protocol::PubSub(Subprotocol::JsonReliable))
    }

    /// Everything that waits for a connection, frame by frame as the wire would have it; none of it waits any longer.
    pub(crate) fn taken(&mut self, key: ConnectionKey) -> Vec<Vec<u8>> {
        let Some(outbox) = self.shard.outbox(key, self.now_ms) else {
            return Vec::new();
        };
        let mut frames = Vec::new();
        for frame in outbox.frames() {
            let mut bytes = Vec::new();
            frame.write_head(&mut bytes);
            bytes.extend_from_slice(&frame.bytes);
            frames.push(bytes);
        }
        outbox.written(frames.len(), false);
        frames
    }

    /// The payloads of everything that waits; a close frame is shown as its code and reason.
    pub(crate) fn sent(&mut self, key: ConnectionKey) -> Vec<String> {
        self.taken(key).iter().map(|frame| payload(frame)).collect()
    }

    /// The texts of the messages that wait, without anything around them.
    pub(crate) fn texts(&mut self, key: ConnectionKey) -> Vec<String> {
        let text =
            |payload: &String| Some(payload.split_once(r#""data":""#)?.1.split('"').next()?.to_owned());
        self.sent(key).iter().filter_map(text).collect()
    }

    pub(crate) fn request(&mut self, key: ConnectionKey, text: &str) {
        self.shard.request(key, json::decode(text).unwrap(), self.now_ms);
    }

    pub(crate) fn publish(&mut self, target: Target, text: &str) {
        self.publish_for(target, text, 0);
    }

    pub(crate) fn publish_for(&mut self, target: Target, text: &str, ttl_s: u16) {
        let mut envelope = envelope(target, text);
        envelope.ttl_s = ttl_s;
        self.shard.publish(&envelope, self.now_ms);
    }

    pub(crate) fn execute(&mut self, command: Command) -> Reply {
        self.shard.execute(&hub(), &command)
    }

    pub(crate) fn lose(&mut self, key: ConnectionKey) {
        self.shard.disconnect(key, Ending::Lost, self.now_ms);
    }

    pub(crate) fn resume(&mut self, number: u128) -> Option<ConnectionKey> {
        self.shard.resume(&hub(), id(number), self.now_ms)
    }

    pub(crate) fn acknowledge(&mut self, key: ConnectionKey, sequence_id: u64) {
        self.shard.request(key, Request::SequenceAck(sequence_id), self.now_ms);
    }

    /// Carries out what the shard wants, as the only one there is: letters come back to it, and invocations find no handler. Answers the
    /// effects that nobody but the surroundings can carry out.
    pub(crate) fn settle(&mut self) -> Vec<Effect> {
        let mut others = Vec::new();
        loop {
            let effects = self.shard.take_effects();
            if effects.is_empty() {
                return others;
            }
            for effect in effects {
                match effect {
                    Effect::Send(_, letter) => self.shard.receive(letter, self.now_ms),
                    other => others.push(other),
                }
            }
        }
    }

    /// Carries out what the shard wants, and answers what the application is asked and told meanwhile.
    pub(crate) fn events(&mut self) -> (Vec<Event>, Vec<(Event, Question)>) {
        let (mut told, mut asked) = (Vec::new(), Vec::new());
        for effect in self.settle() {
            match effect {
                Effect::Notify(event) => told.push(event),
                Effect::Ask { event, question } => asked.push((event, question)),
                _ => {}
            }
        }
        (told, asked)
    }

    /// Answers a question of connection `number`.
    pub(crate) fn answer(&mut self, number: u128, question: &Question, outcome: Result<Answer, Unanswered>) {
        self.shard.answer(id(number), question, outcome, self.now_ms);
    }

    /// Makes a request, carries out what comes of it, and answers what the client is sent.
    pub(crate) fn ask(&mut self, key: ConnectionKey, text: &str) -> Vec<String> {
        self.request(key, text);
        self.settle();
        self.sent(key)
    }

    /// Why connections have ended since this was last asked.
    pub(crate) fn ended(&mut self) -> Vec<(ConnectionId, String)> {
        let ended = |effect| match effect {
            Effect::Notify(Event { connection, occurrence: Occurrence::Disconnected { reason }, .. }) => {
                Some((connection, reason.into_owned()))
            }
            _ => None,
        };
        self.shard.take_effects().into_iter().filter_map(ended).collect()
    }
}

pub(crate) fn envelope(target: Target, text: &str) -> Envelope {
    let data = Data::Text(Bytes::copy_from_slice(text.as_bytes()));
    Envelope::new(hub(), target, Message::new(Sender::Server, data, None))
}

pub(crate) fn payload(frame: &[u8]) -> String {
    let header = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    if frame[0] == 0x88 {
        let code = u16::from_be_bytes([frame[2], frame[3]]);
        return format!("close {code} {}", String::from_utf8_lossy(&frame[4..]));
    }
    String::from_utf8_lossy(&frame[header..]).into_owned()
}
