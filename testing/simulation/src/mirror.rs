use std::collections::VecDeque;

use hubwire_auth::Permission;
use hubwire_hub::{Answer, Command, Envelope, Member, Reply, SimpleMode, Subject, Target, Unanswered};
use hubwire_protocol::{ConnectionId, Data, GroupName, HubName, JsonForm, Publication, Request};

use crate::model::Model;
use crate::payload;
use crate::session::{Copied, Obligation, Session, Speech, Unacknowledged};

impl Model {
    /// Who is meant and not left out, on one worker or on all.
    pub(crate) fn recipients(
        &self,
        worker: Option<usize>,
        hub: &HubName,
        target: &Target,
        excluded: &[ConnectionId],
        filter: Option<&str>,
    ) -> Vec<usize> {
        let meant = |session: &Session| match target {
            Target::Hub => true,
            Target::Group(group) => session.groups.contains(group),
            Target::User(user) => session.user.as_ref() == Some(user),
            Target::Connection(id) => session.id == *id,
        };
        let included = |session: &Session| {
            session.alive
                && worker.is_none_or(|worker| session.worker == worker)
                && session.hub == *hub
                && meant(session)
                && !excluded.contains(&session.id)
                && filter.is_none_or(|filter| satisfies(session, filter))
        };
        (0..self.sessions.len()).filter(|index| included(&self.sessions[*index])).collect()
    }

    /// Notes who must get a message that has just been accepted, wherever it is.
    pub(crate) fn oblige(
        &mut self,
        message: usize,
        hub: &HubName,
        target: &Target,
        excluded: &[ConnectionId],
    ) {
        for index in self.recipients(None, hub, target, excluded, None) {
            let session = &mut self.sessions[index];
            session.obligations.push(Obligation { message, leaves: session.leaves });
        }
    }

    /// An envelope is about to be delivered on one worker. Answers who must get it.
    pub(crate) fn publish(&mut self, worker: usize, envelope: &Envelope, now_ms: u64) -> Vec<usize> {
        self.counters[worker].publishes += 1;
        let identity = payload::identity(&payload::text_of(&envelope.message.data));
        let Some(message) = self.by_identity.get(&identity).copied() else {
            self.complain(format!("{identity} is delivered and was never accepted"));
            return Vec::new();
        };
        let filter = envelope.filter.as_ref().map(|filter| filter.source());
        let mut recipients =
            self.recipients(Some(worker), &envelope.hub, &envelope.target, &envelope.excluded, filter);
        let deadline_ms = if envelope.ttl_s == 0 { 0 } else { now_ms + u64::from(envelope.ttl_s) * 1000 };
        recipients.retain(|index| {
            let subprotocol = self.sessions[*index].speech.subprotocol();
            let form = |it: hubwire_protocol::Subprotocol| it.message(&envelope.message, JsonForm::Json);
            let bytes = subprotocol.map_or(0, |subprotocol| form(subprotocol).len());
            self.keep(*index, Copied { message, deadline_ms }, bytes, now_ms)
        });
        self.counters[worker].deliveries += recipients.len() as u64;
        recipients
    }

    /// Notes a copy for a session; false if its window is full, which ends it.
    fn keep(&mut self, index: usize, copied: Copied, bytes: usize, now_ms: u64) -> bool {
        let session = &mut self.sessions[index];
        if session.is_reliable() {
            let limits = self.limits.clone();
            let is_full = |window: &VecDeque<Unacknowledged>| {
                let held: usize = window.iter().map(|kept| kept.bytes).sum();
                window.len() >= limits.window_messages_max || held + bytes > limits.window_bytes_max
            };
            if is_full(&session.window) {
                // What is too late makes room.
                session.window.retain(|kept| kept.deadline_ms == 0 || kept.deadline_ms > now_ms);
            }
            if is_full(&session.window) {
                self.counters[session.worker].windows_full += 1;
                self.ending.insert(index);
                return false;
            }
            let sequence_id = session.expected.len() as u64 + 1;
            let kept = Unacknowledged { sequence_id, bytes, deadline_ms: copied.deadline_ms };
            session.window.push_back(kept);
        }
        session.expected.push(copied);
        true
    }

    /// A session's outbox was full, while it was given a message or something else.
    pub(crate) fn overflow(&mut self, index: usize, with_message: bool) {
        let session = &mut self.sessions[index];
        self.counters[session.worker].outboxes_full += 1;
        if with_message {
            session.expected.pop();
            self.counters[session.worker].deliveries -= 1;
        }
        self.ending.insert(index);
    }

    /// A PubSub client's request is about to be carried out. Answers who must get what it publishes.
    pub(crate) fn request(&mut self, index: usize, request: &Request, now_ms: u64) -> Vec<usize> {
        if !self.sessions[index].alive {
            return Vec::new();
        }
        let worker = self.sessions[index].worker;
        self.counters[worker].requests += 1;
        let ack_id = match request {
            Request::JoinGroup { ack_id, .. }
            | Request::LeaveGroup { ack_id, .. }
            | Request::SendToGroup { ack_id, .. }
            | Request::Event { ack_id, .. } => *ack_id,
            Request::SequenceAck(sequence_id) => {
                self.sessions[index].window.retain(|kept| kept.sequence_id > *sequence_id);
                return Vec::new();
            }
            Request::Ping => return Vec::new(),
            other => {
                self.complain(format!("no client of a course makes the request {other:?}"));
                return Vec::new();
            }
        };
        if let Some(ack_id) = ack_id.filter(|ack_id| self.sessions[index].ack_memory.contains(ack_id)) {
            self.counters[worker].duplicates += 1;
            self.sessions[index].acks.push((ack_id, Some("Duplicate")));
            return Vec::new();
        }
        if let Request::Event { .. } = request {
            self.ask(index, ack_id);
            return Vec::new();
        }
        let (error, recipients) = self.act(index, request, now_ms);
        self.acknowledge(index, ack_id, error);
        recipients
    }

    fn acknowledge(&mut self, index: usize, ack_id: Option<u64>, error: Option<&'static str>) {
        let Some(ack_id) = ack_id else {
            return;
        };
        let (session, ids_max) = (&mut self.sessions[index], self.limits.ack_ids_max);
        session.acks.push((ack_id, error));
        if error.is_none() {
            session.ack_memory.push_back(ack_id);
            let forgotten = session.ack_memory.len().saturating_sub(ids_max);
            session.ack_memory.drain(..forgotten);
        }
    }

    /// The application is asked about a user event; until it answers, nothing else of its client is carried out.
    fn ask(&mut self, index: usize, ack_id: Option<u64>) {
        let session = &mut self.sessions[index];
        self.counters[session.worker].events += 1;
        if session.asked.replace(ack_id).is_some() {
            self.complain(format!("session {index} raised an event before its last one was answered"));
        }
    }

    /// An answer of the application is about to be taken in. Answers who must get what it says.
    pub(crate) fn answer(
        &mut self,
        worker: usize,
        connection: ConnectionId,
        outcome: &Result<Answer, Unanswered>,
        now_ms: u64,
    ) -> Vec<usize> {
        let Some(index) = self.find(connection).filter(|index| self.sessions[*index].alive) else {
            return Vec::new();
        };
        let Some(ack_id) = self.sessions[index].asked.take() else {
            self.complain(format!("session {index} is answered, and has raised no event"));
            return Vec::new();
        };
        let counters = &mut self.counters[worker];
        let data = match outcome {
            Ok(answer) => &answer.data,
            Err(unanswered) => {
                counters.events_unhandled += u64::from(*unanswered == Unanswered::Unhandled);
                counters.events_failed += u64::from(*unanswered == Unanswered::Failed);
                if matches!(self.sessions[index].speech, Speech::Simple(_)) {
                    self.ending.insert(index);
                }
                self.acknowledge(index, ack_id, Some("InternalServerError"));
                return Vec::new();
            }
        };
        let recipients = data.as_ref().map_or(Vec::new(), |data| self.reply(index, data, now_ms));
        if data.is_none() || !recipients.is_empty() {
            self.acknowledge(index, ack_id, None);
        }
        recipients
    }

    /// The application's reply to a user event is a message of the service to its client, which precedes the acknowledgement.
    fn reply(&mut self, index: usize, data: &Data, now_ms: u64) -> Vec<usize> {
        let session = &self.sessions[index];
        let (worker, hub, target) = (session.worker, session.hub.clone(), Target::Connection(session.id));
        let message = self.accept(payload::identity(&payload::text_of(data)));
        self.oblige(message, &hub, &target, &[]);
        let message = hubwire_protocol::Message::new(hubwire_protocol::Sender::Server, data.clone(), None);
        self.publish(worker, &Envelope::new(hub, target, message), now_ms)
    }

    fn act(&mut self, index: usize, request: &Request, now_ms: u64) -> (Option<&'static str>, Vec<usize>) {
        let worker = self.sessions[index].worker;
        let session = &mut self.sessions[index];
        let error = match request {
            Request::JoinGroup { group, .. } if session.may_join.allows(group) => {
                (!self.join(index, group)).then_some("BadRequest")
            }
            Request::LeaveGroup { group, .. } if session.may_join.allows(group) => {
                session.leave(group);
                None
            }
            Request::SendToGroup { publication, .. } => {
                return match self.send(index, publication, now_ms) {
                    Some(recipients) => (None, recipients),
                    None => (Some("Forbidden"), Vec::new()),
                };
            }
            _ => {
                self.counters[worker].forbidden += 1;
                Some("Forbidden")
            }
        };
        (error, Vec::new())
    }

    fn send(&mut self, index: usize, publication: &Publication, now_ms: u64) -> Option<Vec<usize>> {
        let session = &self.sessions[index];
        let worker = session.worker;
        if !session.may_send.allows(&publication.group) {
            self.counters[worker].forbidden += 1;
            return None;
        }
        let (hub, target) = (session.hub.clone(), Target::Group(publication.group.clone()));
        let excluded: Vec<_> = publication.no_echo.then_some(session.id).into_iter().collect();
        let sender =
            hubwire_protocol::Sender::Group { group: publication.group.clone(), user: session.user.clone() };
        let message = self.accept(payload::identity(&payload::text_of(&publication.data)));
        self.oblige(message, &hub, &target, &excluded);
        let message = hubwire_protocol::Message::new(sender, publication.data.clone(), None);
        let mut envelope = Envelope::new(hub, target, message);
        (envelope.excluded, envelope.ttl_s) = (excluded.into(), publication.ttl_s);
        Some(self.publish(worker, &envelope, now_ms))
    }

    /// A simple client's message is about to be carried out.
    pub(crate) fn simple_message(&mut self, index: usize, data: &Data, now_ms: u64) -> Vec<usize> {
        let session = &self.sessions[index];
        if !session.alive {
            return Vec::new();
        }
        let worker = session.worker;
        self.counters[worker].requests += 1;
        match session.speech.clone() {
            Speech::Simple(SimpleMode::SendToGroup { group, no_echo }) => {
                let publication =
                    Publication { group, data: data.clone(), metadata: None, no_echo, ttl_s: 0 };
                self.send(index, &publication, now_ms).unwrap_or_else(|| {
                    self.ending.insert(index);
                    Vec::new()
                })
            }
            _ => {
                self.ask(index, None);
                Vec::new()
            }
        }
    }

    /// False if the session is in as many groups as it may be.
    pub(crate) fn join(&mut self, index: usize, group: &GroupName) -> bool {
        let session = &mut self.sessions[index];
        let full =
            !session.groups.contains(group) && session.groups.len() >= self.limits.groups_per_connection_max;
        if full {
            self.counters[session.worker].group_limit_refusals += 1;
        } else {
            session.groups.insert(group.clone());
        }
        !full
    }

    /// A command is about to be carried out on one worker. Answers what must be replied there.
    pub(crate) fn execute(&mut self, worker: usize, hub: &HubName, command: &Command) -> Reply {
        let who = |model: &Self, target: &Target, excluded: &[ConnectionId], filter: Option<&str>| {
            model.recipients(Some(worker), hub, target, excluded, filter)
        };
        match command {
            Command::Exists(target) => found(&who(self, target, &[], None)),
            Command::Join(subject, group) => {
                let indexes = who(self, &target(subject), &[], None);
                self.join_each(&indexes, std::slice::from_ref(group))
            }
            Command::JoinMatching(groups, filter) => {
                let indexes = who(self, &Target::Hub, &[], filter.as_ref().map(|filter| filter.source()));
                self.join_each(&indexes, groups)
            }
            Command::Leave(subject, group) => {
                let indexes = who(self, &target(subject), &[], None);
                indexes.iter().for_each(|index| self.sessions[*index].leave(group));
                found(&indexes)
            }
            Command::LeaveMatching(groups, filter) => {
                let indexes = who(self, &Target::Hub, &[], filter.as_ref().map(|filter| filter.source()));
                for index in &indexes {
                    groups.iter().for_each(|group| self.sessions[*index].leave(group));
                }
                found(&indexes)
            }
            Command::LeaveAll(subject) => {
                let indexes = who(self, &target(subject), &[], None);
                indexes.iter().for_each(|index| self.sessions[*index].leave_all());
                found(&indexes)
            }
            Command::Close { target, excluded, .. } => {
                let indexes = who(self, target, excluded, None);
                self.ending.extend(&indexes);
                found(&indexes)
            }
            Command::Grant(id, permission, group) => {
                self.permit(worker, hub, *id, (*permission, group, true))
            }
            Command::Revoke(id, permission, group) => {
                self.permit(worker, hub, *id, (*permission, group, false))
            }
            Command::List { group, .. } => {
                Reply::Members(self.members(&who(self, &Target::Group(group.clone()), &[], None)))
            }
            other => {
                self.complain(format!("the model does not know {other:?}"));
                Reply::Missing
            }
        }
    }

    fn join_each(&mut self, indexes: &[usize], groups: &[GroupName]) -> Reply {
        let mut all = true;
        for index in indexes {
            for group in groups {
                all &= self.join(*index, group);
            }
        }
        if all { found(indexes) } else { Reply::LimitReached }
    }

    fn permit(
        &mut self,
        worker: usize,
        hub: &HubName,
        id: ConnectionId,
        (permission, group, allow): (Permission, &GroupName, bool),
    ) -> Reply {
        let indexes = self.recipients(Some(worker), hub, &Target::Connection(id), &[], None);
        for index in &indexes {
            let session = &mut self.sessions[*index];
            let allowed = match permission {
                Permission::SendToGroup => &mut session.may_send,
                Permission::JoinLeaveGroup => &mut session.may_join,
                // The application can neither give nor take these.
                Permission::SetGroupState | Permission::GetGroupState => continue,
            };
            allowed.by_name.insert(group.as_str().to_owned(), allow);
        }
        found(&indexes)
    }

    /// Members as a listing shows them.
    pub(crate) fn members(&self, indexes: &[usize]) -> Vec<Member> {
        let member = |index: &usize| {
            let session = &self.sessions[*index];
            Member { connection: session.id, user: session.user.clone() }
        };
        let mut members: Vec<_> = indexes.iter().map(member).collect();
        members.sort_by_key(|member| member.connection);
        members
    }
}

/// The two forms of filters that the application uses, judged without the filter's own code.
fn satisfies(session: &Session, filter: &str) -> bool {
    match filter.strip_prefix("userId eq '") {
        Some(rest) => session.user.as_ref().is_some_and(|user| user.as_str() == rest.trim_end_matches('\'')),
        None => {
            let group = filter.trim_start_matches('\'').split('\'').next().unwrap_or_default();
            session.groups.iter().any(|own| own.as_str() == group)
        }
    }
}

fn target(subject: &Subject) -> Target {
    match subject {
        Subject::Connection(id) => Target::Connection(*id),
        Subject::User(user) => Target::User(user.clone()),
    }
}

fn found(indexes: &[usize]) -> Reply {
    if indexes.is_empty() { Reply::Missing } else { Reply::Done }
}
