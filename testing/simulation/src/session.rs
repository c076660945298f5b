use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use hubwire_hub::SimpleMode;
use hubwire_protocol::{ConnectionId, GroupName, HubName, Subprotocol, UserId};

/// What a client speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Speech {
    Simple(SimpleMode),
    Json,
    Reliable,
    Protobuf,
    ReliableProtobuf,
}

impl Speech {
    pub(crate) fn subprotocol(&self) -> Option<Subprotocol> {
        match self {
            Self::Simple(_) => None,
            Self::Json => Some(Subprotocol::Json),
            Self::Reliable => Some(Subprotocol::JsonReliable),
            Self::Protobuf => Some(Subprotocol::Protobuf),
            Self::ReliableProtobuf => Some(Subprotocol::ProtobufReliable),
        }
    }

    pub(crate) fn is_reliable(&self) -> bool {
        self.subprotocol().is_some_and(Subprotocol::is_reliable)
    }

    pub(crate) fn is_protobuf(&self) -> bool {
        self.subprotocol().is_some_and(Subprotocol::is_protobuf)
    }
}

/// What a session may do with groups: everything or nothing, but for the groups that were granted or revoked by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Allowed {
    pub(crate) default: bool,
    pub(crate) by_name: BTreeMap<String, bool>,
}

impl Allowed {
    pub(crate) fn allows(&self, group: &GroupName) -> bool {
        self.by_name.get(group.as_str()).copied().unwrap_or(self.default)
    }
}

/// A message that a session must be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Copied {
    pub(crate) message: usize,
    pub(crate) deadline_ms: u64,
}

impl Copied {
    pub(crate) fn is_late(&self, now_ms: u64) -> bool {
        self.deadline_ms != 0 && self.deadline_ms <= now_ms
    }
}

/// A message that a reliable session has not acknowledged, as the model keeps it.
pub(crate) struct Unacknowledged {
    pub(crate) sequence_id: u64,
    pub(crate) bytes: usize,
    pub(crate) deadline_ms: u64,
}

/// A message that must have been put before a session by the end, unless the session ended or left the group first.
pub(crate) struct Obligation {
    pub(crate) message: usize,
    /// How often the session had left groups.
    pub(crate) leaves: u64,
}

/// What the model knows of one logical connection.
pub(crate) struct Session {
    pub(crate) id: ConnectionId,
    pub(crate) worker: usize,
    pub(crate) hub: HubName,
    pub(crate) user: Option<UserId>,
    pub(crate) speech: Speech,
    pub(crate) groups: BTreeSet<GroupName>,
    pub(crate) leaves: u64,
    pub(crate) may_send: Allowed,
    pub(crate) may_join: Allowed,
    pub(crate) alive: bool,
    /// Since when it has had no socket.
    pub(crate) detached_ms: Option<u64>,
    /// All that it must be sent, in order.
    pub(crate) expected: Vec<Copied>,
    pub(crate) window: VecDeque<Unacknowledged>,
    pub(crate) obligations: Vec<Obligation>,
    /// How much of what was expected its client has seen, or can no longer see.
    pub(crate) seen: usize,
    /// Copies that its client was not sent, since they were late; newer ones it was.
    pub(crate) skipped: usize,
    /// Every acknowledgement that it was sent, with the error's name.
    pub(crate) acks: Vec<(u64, Option<&'static str>)>,
    pub(crate) acks_seen: usize,
    pub(crate) ack_memory: VecDeque<u64>,
    /// The user event that the application has not answered, with the id under which its client wants to know.
    pub(crate) asked: Option<Option<u64>>,
    /// The newest message that its client has seen of each publisher.
    pub(crate) newest: HashMap<String, usize>,
}

impl Session {
    pub(crate) fn is_reliable(&self) -> bool {
        self.speech.is_reliable()
    }

    pub(crate) fn leave(&mut self, group: &GroupName) {
        if self.groups.remove(group) {
            self.leaves += 1;
        }
    }

    pub(crate) fn leave_all(&mut self) {
        self.groups.clear();
        self.leaves += 1;
    }
}
