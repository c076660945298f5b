//! What a shard tells whoever watches. While nobody does, it costs a look at one pointer.

use std::borrow::Cow;

use hubwire_protocol::codes::{Close, RequestError};
use hubwire_protocol::{GroupName, HubName, Request};

use crate::connection::Connection;
use crate::recording::{End, Record, Recording};
use crate::shard::Shard;
use crate::{
    CloseCategory, ConnectionKey, Envelope, Fact, Happening, MessageId, Party, Protocol, Published,
    SimpleMode, Source,
};

/// Facts that a shard may tell in a millisecond, over time. More are counted, not kept: watching must not cost more than what is watched.
const FACTS_PER_MS_MAX: u64 = 10;
/// Facts that it may tell at once, after a time in which there were few.
const FACTS_BURST_MAX: u64 = 4_096;
/// Groups and permissions of a new connection that are told.
const NAMES_MAX: usize = 20;

/// What is kept while somebody watches.
pub(crate) struct Trace {
    worker: u8,
    facts: Vec<Fact>,
    lost: u64,
    /// Facts that may be told now.
    allowance: u64,
    /// When the allowance last grew.
    allowed_ms: u64,
    /// What is being carried out for a client, by its name, with the group that it is about.
    request: Option<(&'static str, Option<GroupName>)>,
    /// The first frame that was waiting when an outbox was found to be full.
    pub(crate) unwritten: Option<(ConnectionKey, Option<u32>)>,
    pub(crate) recording: Recording,
}

/// How a connection ends.
pub(crate) struct Farewell {
    pub(crate) reason: Cow<'static, str>,
    pub(crate) code: Option<u16>,
    pub(crate) by: Party,
    /// Nobody came back in time.
    pub(crate) expired: bool,
    /// Nothing was heard of the client.
    pub(crate) silent: bool,
}

/// Why a silent client ends, in more words than its application is told.
const SILENCE: &str = "Nothing arrived for two ping intervals: limit ping_interval_ms.";

impl Farewell {
    pub(crate) fn category(&self) -> CloseCategory {
        if self.silent {
            return CloseCategory::PingTimeout;
        }
        CloseCategory::of(self.by, self.code.map(|code| (code, &*self.reason)))
    }

    /// The reason as people are told it.
    fn cause(&self) -> Cow<'static, str> {
        if self.silent { Cow::Borrowed(SILENCE) } else { self.reason.clone() }
    }
}

impl Shard {
    /// Begins, or ends, to tell what happens and to record decisions. `worker` is the number that the shard's message ids carry.
    pub fn watch(&mut self, on: bool, worker: u8) {
        if !on {
            self.trace = None;
        } else if self.trace.is_none() {
            let recording = Recording::since(self.unix_ms());
            self.trace = Some(Box::new(Trace {
                worker,
                facts: Vec::new(),
                lost: 0,
                allowance: FACTS_BURST_MAX,
                allowed_ms: self.now_ms,
                request: None,
                unwritten: None,
                recording,
            }));
        }
    }

    /// Numbers messages from here on, in place of 1: nodes of a cluster begin at random, so that their messages are told apart.
    pub fn number_messages_from(&mut self, serial: u64) {
        self.message_serials = serial;
    }

    /// What has happened since this was asked last, and how much more there was. `None` if there is nothing to tell.
    pub fn take_facts(&mut self) -> Option<(Vec<Fact>, u64)> {
        let trace = self.trace.as_mut().filter(|trace| !trace.facts.is_empty())?;
        Some((std::mem::take(&mut trace.facts), std::mem::take(&mut trace.lost)))
    }

    /// The shard's time in milliseconds since 1970.
    pub(crate) fn unix_ms(&self) -> u64 {
        self.at_unix_ms(self.now_ms)
    }

    /// A moment on the shard's clock in milliseconds since 1970.
    pub(crate) fn at_unix_ms(&self, moment_ms: u64) -> u64 {
        u64::try_from(moment_ms as i64 + self.unix_offset_ms).unwrap_or_default()
    }

    /// Tells something about a connection, if somebody watches.
    pub(crate) fn tell(
        &mut self,
        key: ConnectionKey,
        group: Option<&GroupName>,
        happening: impl FnOnce(&Connection) -> Happening,
    ) {
        if self.trace.is_none() {
            return;
        }
        let connection = &self.connections[key.index()];
        let fact = Fact {
            time_ms: self.unix_ms(),
            hub: self.hubs.get(connection.hub as usize).map(|hub| hub.name.clone()),
            group: group.cloned(),
            user: connection.user.clone(),
            connection: Some(connection.id),
            happening: happening(connection),
        };
        self.push_fact(fact);
    }

    pub(crate) fn push_fact(&mut self, fact: Fact) {
        let Some(trace) = &mut self.trace else {
            return;
        };
        let passed_ms = self.now_ms.saturating_sub(trace.allowed_ms);
        trace.allowance = (trace.allowance + passed_ms * FACTS_PER_MS_MAX).min(FACTS_BURST_MAX);
        trace.allowed_ms = self.now_ms;
        if trace.allowance > 0 {
            trace.allowance -= 1;
            trace.facts.push(fact);
        } else {
            trace.lost += 1;
        }
    }

    pub(crate) fn tell_opened(&mut self, key: ConnectionKey, groups: &[GroupName]) {
        self.tell(key, None, |connection| Happening::Opened {
            protocol: connection.subprotocol.clone(),
            groups: groups.iter().take(NAMES_MAX).cloned().collect(),
            permissions: connection.permissions.described(NAMES_MAX).0,
        });
    }

    /// Tells of a change of a membership, and remembers it.
    pub(crate) fn tell_membership(&mut self, key: ConnectionKey, group: &GroupName, joined: bool, by: Party) {
        let at_ms = self.unix_ms();
        let Some(trace) = &mut self.trace else {
            return;
        };
        trace.recording.changed(self.connections[key.index()].id, group, joined, at_ms);
        self.tell(key, Some(group), |_| if joined { Happening::Joined(by) } else { Happening::Left(by) });
    }

    /// Gives a client's message an id, notes what caused it, and tells of it.
    pub(crate) fn announce(&mut self, key: ConnectionKey, envelope: &mut Envelope, handler: bool) {
        envelope.cause = self.causes.cause;
        let Some(trace) = &self.trace else {
            return;
        };
        self.message_serials += 1;
        envelope.message_id = MessageId::new(self.message_serials, trace.worker);
        envelope.source =
            if handler { Source::Handler } else { Source::Client(self.connections[key.index()].id) };
        let group = match &envelope.target {
            crate::Target::Group(group) => Some(group),
            _ => None,
        };
        self.tell(key, group, |_| Happening::Published(Box::new(Published::of(envelope))));
    }

    /// Remembers and tells what was decided about a publish.
    pub(crate) fn keep_record(&mut self, envelope: &Envelope, record: Record) {
        let group = match &envelope.target {
            crate::Target::Group(group) => Some(group.clone()),
            _ => None,
        };
        self.push_fact(Fact {
            time_ms: record.at_ms,
            hub: Some(envelope.hub.clone()),
            group,
            user: None,
            connection: None,
            happening: Happening::Delivered(record.tally()),
        });
        if let Some(trace) = &mut self.trace {
            trace.recording.keep(record);
        }
    }

    /// Notes what a client asks, for the case that it is refused.
    pub(crate) fn note_request(&mut self, request: &Request) {
        if let Some(trace) = &mut self.trace {
            let (name, group) = request.named();
            trace.request = Some((name, group.cloned()));
        }
    }

    pub(crate) fn forget_request(&mut self) {
        if let Some(trace) = &mut self.trace {
            trace.request = None;
        }
    }

    /// Notes that a group's home has answered a client's request.
    pub(crate) fn note_home_request(&mut self) {
        if let Some(trace) = &mut self.trace {
            trace.request = Some(("setGroupState", None));
        }
    }

    /// Notes that a simple client sends to its group.
    pub(crate) fn note_simple_send(&mut self, key: ConnectionKey) {
        if let (Some(trace), Protocol::Simple(mode)) =
            (&mut self.trace, &self.connections[key.index()].protocol)
            && let SimpleMode::SendToGroup { group, .. } = &**mode
        {
            trace.request = Some(("sendToGroup", Some(group.clone())));
        }
    }

    pub(crate) fn tell_refusal(&mut self, key: ConnectionKey, ack_id: Option<u64>, error: &RequestError) {
        let Some(trace) = &mut self.trace else {
            return;
        };
        let (request, group) = trace.request.take().unwrap_or(("event", None));
        let error = error.clone();
        self.tell(key, group.as_ref(), |_| Happening::RequestRefused { request, error, ack_id });
    }

    pub(crate) fn tell_recovery_refused(&mut self, hub: &HubName, id: hubwire_protocol::ConnectionId) {
        let happening = Happening::RecoveryRefused;
        let (time_ms, connection) = (self.unix_ms(), Some(id));
        self.push_fact(Fact { time_ms, connection, ..Fact::of_hub(Some(hub.clone()), happening) });
    }

    pub(crate) fn tell_overflow(&mut self, key: ConnectionKey, window: bool) {
        let limits = self.limits.clone();
        self.tell(key, None, |connection| {
            let unacknowledged = connection.window.as_deref().filter(|_| window);
            let (waiting_messages, waiting_bytes) = match unacknowledged {
                Some(window) => (window.len(), window.bytes()),
                None => (connection.outbox.len(), connection.outbox.bytes()),
            };
            let (limit_messages, limit_bytes) = match (window, &connection.window) {
                (true, _) => (limits.window_messages_max, limits.window_bytes_max),
                (false, Some(_)) => limits.reliable_outbox(),
                (false, None) => (limits.outbox_messages_max, limits.outbox_bytes_max),
            };
            Happening::SlowConsumer { window, waiting_messages, waiting_bytes, limit_messages, limit_bytes }
        });
        if let Some(trace) = &mut self.trace {
            trace.unwritten = Some((key, self.connections[key.index()].outbox.first_number()));
        }
    }

    pub(crate) fn tell_invalid(&mut self, key: ConnectionKey, close: &Close) {
        self.tell(key, None, |_| Happening::InvalidMessage {
            code: close.code,
            reason: close.reason.clone(),
        });
    }

    /// Tells that a connection ends, and remembers what an explanation needs of it.
    pub(crate) fn tell_end(&mut self, key: ConnectionKey, farewell: &Farewell) {
        let (at_ms, now_ms) = (self.unix_ms(), self.now_ms);
        let opened_ms = self.at_unix_ms(self.connections[key.index()].opened_ms);
        let Some(trace) = &mut self.trace else {
            return;
        };
        let connection = &self.connections[key.index()];
        let seen = trace.unwritten.take().filter(|(other, _)| *other == key).map(|(_, unwritten)| unwritten);
        let serial = trace.recording.next_serial();
        trace.recording.ended(End {
            serial,
            connection: connection.id,
            hub: self.hubs[connection.hub as usize].name.clone(),
            user: connection.user.clone(),
            protocol: connection.subprotocol.clone(),
            opened_ms,
            at_ms,
            reason: farewell.cause(),
            code: farewell.code,
            expired: farewell.expired,
            acknowledged: connection.window.as_ref().map(|window| window.acknowledged()),
            unwritten: seen.unwrap_or_else(|| connection.outbox.first_number()),
        });
        let (code, reason, by) = (farewell.code, farewell.cause(), farewell.by);
        self.tell(key, None, |connection| Happening::Closed {
            code,
            reason,
            by,
            age_ms: now_ms.saturating_sub(connection.opened_ms),
        });
    }
}
