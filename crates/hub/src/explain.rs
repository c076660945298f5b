//! Why a message did, or did not, reach a connection: from what was decided when it was delivered.

use std::collections::HashSet;

use hubwire_filter::Subject;
use hubwire_protocol::{ConnectionId, GroupName, HubName, UserId};

use crate::connection::{Connection, Link};
use crate::recording::{Decision, End, Record, Recording, Verdict, is_meant};
use crate::shard::Shard;
use crate::{Explanation, Explanations, Inquiry, Rule, Source, Target};

/// A connection that an inquiry is about: one that is there, or one that is remembered.
enum Person<'a> {
    Here(&'a Connection),
    Gone(&'a End),
}

/// How far the clocks of two threads may differ that are both right, in milliseconds.
const CLOCK_SLACK_MS: u64 = 2;

/// When a message was published.
#[derive(Clone, Copy)]
enum Moment {
    /// It came by here: its place in the order of all that is recorded, and the time.
    Here(u64, u64),
    /// It did not come by, since nobody was interested: only the time is known. So what could have been before or after was such that the
    /// connection was not meant.
    Elsewhere(u64),
}

impl Moment {
    fn earliest_ms(self) -> u64 {
        match self {
            Self::Here(_, at_ms) => at_ms,
            Self::Elsewhere(at_ms) => at_ms.saturating_sub(CLOCK_SLACK_MS),
        }
    }

    fn latest_ms(self) -> u64 {
        match self {
            Self::Here(_, at_ms) => at_ms,
            Self::Elsewhere(at_ms) => at_ms + CLOCK_SLACK_MS,
        }
    }

    /// Whether the end of something came before this, or can have come.
    fn is_after(self, serial: u64, at_ms: u64) -> bool {
        match self {
            Self::Here(moment, _) => serial < moment,
            Self::Elsewhere(_) => at_ms <= self.latest_ms(),
        }
    }

    /// Whether the beginning of something came after this, or can have come.
    fn is_before(self, serial: u64, at_ms: u64) -> bool {
        match self {
            Self::Here(moment, _) => serial > moment,
            Self::Elsewhere(_) => at_ms >= self.earliest_ms(),
        }
    }
}

impl Shard {
    /// Explains what became of a message for the connections in question.
    pub(crate) fn explain(&self, hub: &HubName, inquiry: &Inquiry) -> Explanations {
        let ids = self.questioned(hub, &inquiry.subject);
        let explain = |id: &ConnectionId| Explanation {
            connection: *id,
            user: self.person(*id).and_then(|person| person.user().cloned()),
            rule: self.rule(hub, inquiry, *id),
        };
        let items: Vec<_> = ids.iter().take(inquiry.limit).map(explain).collect();
        Explanations { more: ids.len() - items.len(), items }
    }

    /// The connections that a subject stands for: those that are there, and those that are remembered.
    fn questioned(&self, hub: &HubName, subject: &Target) -> Vec<ConnectionId> {
        let keys = self.targeted(hub, subject);
        let here = keys.iter().map(|key| self.connections[key.index()].id);
        let recording = self.trace.as_ref().map(|trace| &trace.recording);
        let gone: Vec<_> = match (subject, recording) {
            (Target::Connection(id), _) => vec![*id],
            (Target::User(user), Some(recording)) => {
                let ends = recording.ends().filter(|end| end.hub == *hub && end.user.as_ref() == Some(user));
                ends.map(|end| end.connection).collect()
            }
            (Target::Group(group), Some(recording)) => {
                let changes = recording.changes().rev().filter(|change| change.group == *group);
                let in_hub = |id: &ConnectionId| self.hub_of(*id).is_some_and(|name| name == hub);
                changes.map(|change| change.connection).filter(in_hub).collect()
            }
            _ => Vec::new(),
        };
        let mut seen = HashSet::new();
        here.chain(gone).filter(|id| seen.insert(*id)).collect()
    }

    fn person(&self, id: ConnectionId) -> Option<Person<'_>> {
        if let Some(key) = self.ids.get(&id) {
            return Some(Person::Here(&self.connections[key.index()]));
        }
        self.trace.as_ref()?.recording.end(id).map(Person::Gone)
    }

    fn hub_of(&self, id: ConnectionId) -> Option<&HubName> {
        match self.person(id)? {
            Person::Here(connection) => self.hubs.get(connection.hub as usize).map(|hub| &hub.name),
            Person::Gone(end) => Some(&end.hub),
        }
    }

    fn rule(&self, hub: &HubName, inquiry: &Inquiry, id: ConnectionId) -> Rule {
        let (Some(person), Some(trace)) = (self.person(id), &self.trace) else {
            return Rule::Unknown;
        };
        if self.hub_of(id).is_some_and(|name| name != hub) {
            return Rule::OtherHub;
        }
        let recording = &trace.recording;
        match recording.record(inquiry.message) {
            Some(record) => match record.decision(id) {
                Some(decision) => self.decided(recording, record, decision, &person),
                None if record.is_cut() => Rule::NotRecorded,
                None => self.not_meant(inquiry, Moment::Here(record.serial, record.at_ms), id, &person),
            },
            // Where nobody was interested, the message did not come by; so the connection was not meant, if all since then is known.
            None if recording.reaches(inquiry.accepted_ms) => {
                self.not_meant(inquiry, Moment::Elsewhere(inquiry.accepted_ms), id, &person)
            }
            None => Rule::NotRecorded,
        }
    }

    fn decided(
        &self,
        recording: &Recording,
        record: &Record,
        decision: Decision,
        person: &Person<'_>,
    ) -> Rule {
        let id = person.id();
        match decision.verdict {
            Verdict::Excluded if record.source == Source::Client(id) => Rule::NoEcho,
            Verdict::Excluded => Rule::Excluded,
            Verdict::Filtered => self.filtered(recording, record, person),
            Verdict::Skipped => Rule::Skipped { protocol: person.protocol() },
            Verdict::OutboxFull => Rule::OutboxFull,
            Verdict::WindowFull => Rule::WindowFull,
            Verdict::Delivered => match person {
                Person::Here(connection) => here(recording, record, decision, connection, self.unix_ms()),
                Person::Gone(end) => self.gone(recording, record, decision, end),
            },
        }
    }

    /// What became of a message that was queued for a connection which has ended since.
    fn gone(&self, recording: &Recording, record: &Record, decision: Decision, end: &End) -> Rule {
        let number = u64::from(decision.number);
        let lost = || Rule::Lost { ended_ms: end.at_ms, reason: end.reason.clone() };
        match end.acknowledged {
            Some(acknowledged) if acknowledged >= number => {
                Rule::Acknowledged { sequence_id: number, delivered_ms: record.at_ms }
            }
            Some(_) if end.expired => Rule::SessionExpired { sequence_id: number, ended_ms: end.at_ms },
            Some(_) => lost(),
            None => match recording.dropped_ms(end.connection, decision.number) {
                Some(dropped_ms) => Rule::TtlPassed { dropped_ms: Some(dropped_ms) },
                None if end.unwritten.is_some_and(|first| decision.number >= first) => lost(),
                None => Rule::Written { delivered_ms: record.at_ms },
            },
        }
    }

    /// Shows what the filter asked with the values of that moment: later changes of memberships are undone.
    fn filtered(&self, recording: &Recording, record: &Record, person: &Person<'_>) -> Rule {
        let Some(filter) = &record.filter else {
            return Rule::NotRecorded;
        };
        let id = person.id();
        let mut groups: HashSet<GroupName> = match person {
            Person::Here(connection) => {
                connection.groups.iter().map(|group| self.groups.get(*group).name.clone()).collect()
            }
            Person::Gone(_) => HashSet::new(),
        };
        let later = recording.changes().rev().take_while(|change| change.serial > record.serial);
        for change in later.filter(|change| change.connection == id) {
            if change.joined {
                groups.remove(&change.group);
            } else {
                groups.insert(change.group.clone());
            }
        }
        let digits = id.digits();
        let protocol = person.protocol();
        let candidate =
            Past { id: digits.as_str(), user: person.user(), protocol: protocol.as_deref(), groups: &groups };
        Rule::Filtered { filter: filter.source().to_owned(), values: filter.values(&candidate) }
    }

    /// Why a connection was not among the recipients.
    fn not_meant(&self, inquiry: &Inquiry, moment: Moment, id: ConnectionId, person: &Person<'_>) -> Rule {
        if !is_meant(&inquiry.target, id, person.user()) {
            return match &inquiry.target {
                Target::User(_) => Rule::OtherUser,
                _ => Rule::OtherConnection,
            };
        }
        let opened_ms = match person {
            Person::Here(connection) => self.at_unix_ms(connection.opened_ms),
            Person::Gone(end) => end.opened_ms,
        };
        match person {
            Person::Gone(end) if moment.is_after(end.serial, end.at_ms) => {
                Rule::Ended { ended_ms: end.at_ms, reason: end.reason.clone(), code: end.code }
            }
            _ if opened_ms > moment.latest_ms() => Rule::NotYetConnected { opened_ms },
            _ => match &inquiry.target {
                Target::Group(group) => self.outside(group, moment, id),
                // Who is there is meant: so it came within what clocks cannot tell apart.
                _ if opened_ms >= moment.earliest_ms() => Rule::NotYetConnected { opened_ms },
                _ => Rule::NotRecorded,
            },
        }
    }

    fn outside(&self, group: &GroupName, moment: Moment, id: ConnectionId) -> Rule {
        let changes = self.trace.iter().flat_map(|trace| trace.recording.changes());
        let changes: Vec<_> =
            changes.filter(|change| change.connection == id && change.group == *group).collect();
        let left =
            changes.iter().rfind(|change| !change.joined && moment.is_after(change.serial, change.at_ms));
        let left_serial = left.map_or(0, |change| change.serial);
        let joined = changes.iter().find(|change| {
            change.joined && change.serial > left_serial && moment.is_before(change.serial, change.at_ms)
        });
        let (left_ms, joined_ms) = (left.map(|change| change.at_ms), joined.map(|change| change.at_ms));
        Rule::NotInGroup { group: group.clone(), joined_ms, left_ms }
    }
}

/// What became of a message that was queued for a connection which is still there.
fn here(
    recording: &Recording,
    record: &Record,
    decision: Decision,
    connection: &Connection,
    unix_ms: u64,
) -> Rule {
    let (number, delivered_ms) = (u64::from(decision.number), record.at_ms);
    if let Some(window) = &connection.window {
        if window.acknowledged() >= number {
            return Rule::Acknowledged { sequence_id: number, delivered_ms };
        }
        let attached = connection.link == Link::Attached;
        let late = record.ttl_s > 0 && unix_ms >= record.at_ms + u64::from(record.ttl_s) * 1000;
        // Who comes back is not sent what is too late by then.
        if late && (!attached || !window.holds(number)) {
            return Rule::TtlPassed { dropped_ms: None };
        }
        return Rule::Unacknowledged { sequence_id: number, delivered_ms, attached };
    }
    if let Some(dropped_ms) = recording.dropped_ms(connection.id, decision.number) {
        return Rule::TtlPassed { dropped_ms: Some(dropped_ms) };
    }
    // What waits for a socket that would take it is written at the end of this turn.
    let queued = connection.outbox.first_number().is_some_and(|first| decision.number >= first);
    if connection.blocked && queued {
        let (messages, bytes) = (connection.outbox.len(), connection.outbox.bytes());
        return Rule::Waiting { delivered_ms, messages, bytes };
    }
    Rule::Written { delivered_ms }
}

impl Person<'_> {
    fn id(&self) -> ConnectionId {
        match self {
            Self::Here(connection) => connection.id,
            Self::Gone(end) => end.connection,
        }
    }

    fn user(&self) -> Option<&UserId> {
        match self {
            Self::Here(connection) => connection.user.as_ref(),
            Self::Gone(end) => end.user.as_ref(),
        }
    }

    fn protocol(&self) -> Option<std::sync::Arc<str>> {
        match self {
            Self::Here(connection) => connection.subprotocol.clone(),
            Self::Gone(end) => end.protocol.clone(),
        }
    }
}

/// A connection as a filter saw it.
struct Past<'a> {
    id: &'a str,
    user: Option<&'a UserId>,
    protocol: Option<&'a str>,
    groups: &'a HashSet<GroupName>,
}

impl Subject for Past<'_> {
    fn connection_id(&self) -> &str {
        self.id
    }

    fn user_id(&self) -> Option<&str> {
        self.user.map(UserId::as_str)
    }

    fn protocol(&self) -> Option<&str> {
        self.protocol
    }

    fn group_count(&self) -> usize {
        self.groups.len()
    }

    fn in_group(&self, group: &str) -> bool {
        self.groups.contains(group)
    }
}
