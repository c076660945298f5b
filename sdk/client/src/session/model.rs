//! Every course of events, against a service that is simple enough to be right.
//!
//! Sockets open, fail, break in any place; sessions expire; requests fail; time passes. Whatever the order: numbered messages arrive once and
//! in order or a new session is announced; every call is answered once; a request keeps its ack id.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{AckId, Command, Completion, Moment, Output, Request, Session, Target, Ticket};
use crate::{
    data::Metadata,
    event::{Closure, Event},
    options::Options,
    wire::{ClientMessage, Frame},
};

#[derive(Clone, Debug)]
enum Step {
    /// The application sends to the group.
    Send,
    /// Somebody else does, so the service has a message for the client.
    Publish,
    /// The service takes so many frames of the client.
    TakeUp(usize),
    /// So many frames of the service arrive.
    TakeDown(usize),
    /// The socket breaks; what is under way is lost.
    Cut,
    /// The service forgets the session.
    Expire,
    /// The next request fails for no fault of its own.
    FailOne,
    /// The socket that the client wants opens, or does not.
    Open(bool),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Send),
        6 => Just(Step::Publish),
        6 => (1..6usize).prop_map(Step::TakeUp),
        6 => (1..6usize).prop_map(Step::TakeDown),
        2 => Just(Step::Cut),
        1 => Just(Step::Expire),
        1 => Just(Step::FailOne),
        4 => prop::bool::weighted(0.8).prop_map(Step::Open),
        3 => (1..2000u64).prop_map(Step::Wait),
    ]
}

/// The service's end of one session.
#[derive(Default)]
struct Peer {
    id: u64,
    acked_ids: BTreeSet<u64>,
    unacknowledged: VecDeque<u64>,
    last_number: u64,
    is_member: bool,
    expired: bool,
}

/// Frames under way.
#[derive(Default)]
struct Link {
    up: VecDeque<Value>,
    down: VecDeque<String>,
    /// A close frame with this code comes after them.
    close: Option<u16>,
    /// The client's first frame is to acknowledge so much.
    seen_before: u64,
}

struct World {
    session: Session,
    now: Moment,
    wanted: Option<Target>,
    link: Option<Link>,
    peer: Peer,
    fail_one: bool,
    failed_any: bool,
    /// Every execution: session and payload.
    executed: Vec<(u64, u64)>,
    ack_ids: HashMap<u64, u64>,
    last_ticket: Ticket,
    /// Payloads by ticket, until their answer.
    waiting: BTreeMap<Ticket, u64>,
    sent: u64,
    answered: Vec<(u64, Result<bool, ()>)>,
    /// What the application has seen.
    announced: u64,
    last_seen: (u64, u64),
}

const START: Ticket = 1;
const JOIN: Ticket = 2;

impl World {
    fn new() -> Self {
        let mut world = Self {
            session: Session::new(Options::default()),
            now: Moment::ZERO,
            wanted: None,
            link: None,
            peer: Peer::default(),
            fail_one: false,
            failed_any: false,
            executed: Vec::new(),
            ack_ids: HashMap::new(),
            last_ticket: JOIN,
            waiting: BTreeMap::new(),
            sent: 0,
            answered: Vec::new(),
            announced: 0,
            last_seen: (0, 0),
        };
        world.session.submit(world.now, START, Command::Start);
        world.drain();
        world.open(true);
        let join = ClientMessage::JoinGroup { group: "g".to_owned(), ack_id: None };
        let request = Request { message: join, ack: AckId::Next };
        world.session.submit(world.now, JOIN, Command::Request(request));
        world.settle();
        assert!(world.peer.is_member && world.announced == 1);
        world
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Send => self.send(),
            Step::Publish => self.publish(),
            Step::TakeUp(frames) => (0..*frames).for_each(|_| self.take_up()),
            Step::TakeDown(frames) => (0..*frames).for_each(|_| self.take_down()),
            Step::Cut => self.cut(),
            Step::Expire => self.expire(),
            Step::FailOne => self.fail_one = true,
            Step::Open(succeeds) => self.open(*succeeds),
            Step::Wait(ms) => self.wait(Duration::from_millis(*ms)),
        }
        self.drain();
    }

    fn send(&mut self) {
        self.sent += 1;
        self.last_ticket += 1;
        self.waiting.insert(self.last_ticket, self.sent);
        let message = ClientMessage::SendToGroup {
            group: "g".to_owned(),
            ack_id: None,
            data: self.sent.to_string().into(),
            no_echo: true,
            ttl_seconds: None,
            metadata: Metadata::new(),
        };
        let request = Request { message, ack: AckId::Next };
        self.session.submit(self.now, self.last_ticket, Command::Request(request));
    }

    /// As many as the client takes.
    fn send_all(&mut self) {
        while self.session.has_room() {
            self.send();
        }
        self.drain();
    }

    fn publish(&mut self) {
        if self.peer.is_member && !self.peer.expired {
            self.peer.last_number += 1;
            self.peer.unacknowledged.push_back(self.peer.last_number);
            let frame = self.message(self.peer.last_number);
            self.tell(frame);
        }
    }

    fn message(&self, number: u64) -> String {
        json!({ "type": "message", "from": "group", "group": "g", "dataType": "text",
            "data": format!("{}:{number}", self.peer.id), "sequenceId": number })
        .to_string()
    }

    fn tell(&mut self, frame: String) {
        if let Some(link) = self.link.as_mut().filter(|link| link.close.is_none()) {
            link.down.push_back(frame);
        }
    }

    fn open(&mut self, succeeds: bool) {
        let Some(target) = self.wanted.take() else { return };
        if !succeeds {
            self.session.open_failed(self.now, crate::Error::connect("refused"));
            return;
        }
        self.link = Some(Link::default());
        match target {
            Target::New => {
                let id = self.peer.id + 1;
                self.peer = Peer { id, ..Peer::default() };
                let connected = json!({ "type": "system", "event": "connected",
                    "connectionId": id.to_string(), "reconnectionToken": "token" });
                self.tell(connected.to_string());
            }
            Target::Recovery { connection_id, .. } if self.peer.expired => {
                assert_eq!(connection_id, self.peer.id.to_string());
                self.link = Some(Link { close: Some(1008), ..Link::default() });
            }
            Target::Recovery { connection_id, .. } => {
                assert_eq!(connection_id, self.peer.id.to_string());
                if let (Some(link), true) = (&mut self.link, self.last_seen.0 == self.peer.id) {
                    link.seen_before = self.last_seen.1;
                }
                let replay: Vec<_> = self.peer.unacknowledged.iter().copied().collect();
                replay.into_iter().for_each(|number| self.tell(self.message(number)));
            }
        }
        self.session.opened(self.now);
    }

    fn take_up(&mut self) {
        let Some(link) = self.link.as_mut().filter(|link| link.close.is_none()) else { return };
        let Some(frame) = link.up.pop_front() else { return };
        match frame["type"].as_str() {
            Some("ping") => self.tell(json!({ "type": "pong" }).to_string()),
            Some("sequenceAck") => {
                let up_to = frame["sequenceId"].as_u64().expect("it is a number");
                assert!(up_to <= self.peer.last_number, "acknowledged what was never sent");
                self.peer.unacknowledged.retain(|number| *number > up_to);
            }
            _ => self.carry_out(&frame),
        }
    }

    fn carry_out(&mut self, frame: &Value) {
        let ack_id = frame["ackId"].as_u64().expect("every request here has one");
        let error = |name| json!({ "type": "ack", "ackId": ack_id, "success": false, "error": { "name": name, "message": "" } });
        let answer = if self.peer.acked_ids.contains(&ack_id) {
            error("Duplicate")
        } else if frame["type"] == "sendToGroup" && std::mem::take(&mut self.fail_one) {
            self.failed_any = true;
            error("InternalServerError")
        } else {
            self.peer.acked_ids.insert(ack_id);
            self.peer.is_member |= frame["type"] == "joinGroup";
            if let Some(payload) = payload(frame) {
                self.executed.push((self.peer.id, payload));
            }
            json!({ "type": "ack", "ackId": ack_id, "success": true })
        };
        self.tell(answer.to_string());
    }

    fn take_down(&mut self) {
        let Some(link) = &mut self.link else { return };
        if let Some(frame) = link.down.pop_front() {
            self.session.frame(self.now, &Frame::Text(frame.into()));
        } else if let Some(code) = link.close {
            self.link = None;
            self.session.closed(self.now, Closure { code: Some(code), reason: String::new() });
        }
        self.drain();
    }

    fn cut(&mut self) {
        if self.link.take().is_some() {
            self.session.closed(self.now, Closure::without_frame("cut"));
        }
    }

    fn expire(&mut self) {
        self.peer.expired = true;
        if let Some(link) = &mut self.link {
            link.close = Some(1008);
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        while self.session.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.session.tick(self.now);
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Open(target) => self.wanted = Some(target),
                Output::Abandon => (self.wanted, self.link) = (None, None),
                Output::Write(frame) => self.write(&frame),
                Output::Close => panic!("nobody stops the client"),
                Output::Event(event) => self.event(event),
                Output::Complete(ticket, result) => self.complete(ticket, result),
            }
        }
    }

    fn write(&mut self, frame: &Frame) {
        let value: Value = serde_json::from_slice(frame.as_bytes()).expect("the client writes JSON");
        if let (Some(payload), Some(ack_id)) = (payload(&value), value["ackId"].as_u64()) {
            let first = *self.ack_ids.entry(payload).or_insert(ack_id);
            assert_eq!(first, ack_id, "a request keeps its ack id");
        }
        let link = self.link.as_mut().expect("frames are written only to an open socket");
        if std::mem::take(&mut link.seen_before) > 0 {
            assert_eq!(
                value["type"], "sequenceAck",
                "something comes before the ack for what was seen: {value}"
            );
        }
        link.up.push_back(value);
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected(connected) => {
                self.announced = connected.connection_id.parse().expect("ids are numbers here");
                assert_eq!(self.announced, self.peer.id);
                assert!(self.announced == 1 || self.peer.is_member, "announced before the group was joined");
            }
            Event::GroupMessage(message) => {
                let text = message.data.as_text().expect("it is text");
                let (id, number) = text.split_once(':').expect("it has two parts");
                let (id, number) = (id.parse().expect("a number"), number.parse().expect("a number"));
                let (last_id, last_number) = self.last_seen;
                let expected = if id == last_id { last_number + 1 } else { 1 };
                assert_eq!((id >= last_id, number), (true, expected), "lost, twice or out of order: {text}");
                self.last_seen = (id, number);
            }
            Event::RejoinGroupFailed(failed) => panic!("{failed:?}"),
            Event::InvalidFrame { reason } => panic!("{reason}"),
            _ => {}
        }
    }

    fn complete(&mut self, ticket: Ticket, result: crate::Result<Completion>) {
        match ticket {
            START => assert!(result.is_ok(), "the first socket opens"),
            JOIN => assert!(matches!(result, Ok(Completion::Acknowledged(_)))),
            _ => {
                let payload = self.waiting.remove(&ticket).expect("a call is answered once");
                let outcome = match result {
                    Ok(Completion::Acknowledged(acknowledged)) => Ok(acknowledged.in_doubt),
                    _ => Err(()),
                };
                self.answered.push((payload, outcome));
            }
        }
    }

    /// The network is fine from now on, until nothing more happens.
    fn settle(&mut self) {
        for _ in 0..200 {
            self.open(true);
            self.drain();
            for _ in 0..100 {
                self.take_up();
                self.take_down();
            }
            self.wait(Duration::from_millis(500));
        }
    }

    fn check(&self) {
        assert!(self.waiting.is_empty(), "calls without an answer: {:?}", self.waiting);
        assert_eq!(self.answered.len() as u64, self.sent);
        for (payload, outcome) in &self.answered {
            let times = self.executed.iter().filter(|(_, executed)| executed == payload).count();
            match outcome {
                Ok(false) => assert_eq!(times, 1, "{payload} was acknowledged without doubt"),
                Ok(true) => assert!(times >= 1, "{payload} was acknowledged"),
                Err(()) => {}
            }
        }
        if !self.failed_any {
            assert!(self.executed.is_sorted(), "requests of one session are carried out in order");
        }
        if !self.peer.expired && self.last_seen.0 == self.peer.id {
            assert_eq!(self.last_seen.1, self.peer.last_number, "messages that never came");
        }
        assert!(self.peer.unacknowledged.is_empty() || self.peer.expired);
    }
}

fn payload(frame: &Value) -> Option<u64> {
    frame["data"].as_str()?.parse().ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_course_of_events_delivers_once_answers_once_and_keeps_ack_ids(
        steps in prop::collection::vec(step(), 0..150)
    ) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.fail_one = false;
        world.settle();
        world.check();
    }
}

/// A service that falls behind takes at once whatever the client could write meanwhile, and sends it back.
#[test]
fn a_client_that_hears_itself_never_fills_the_services_window() {
    const WINDOW: usize = 1000;
    let mut world = World::new();
    for _ in 0..20 {
        while !world.link.as_ref().expect("it is open").down.is_empty() {
            world.take_down();
            world.send_all();
        }
        world.send_all();
        while let Some(frame) = world.link.as_ref().expect("it is open").up.front() {
            let echoes = payload(frame).is_some();
            world.take_up();
            if echoes {
                world.publish();
            }
            assert!(world.peer.unacknowledged.len() <= WINDOW, "the service would end the session");
        }
    }
}
