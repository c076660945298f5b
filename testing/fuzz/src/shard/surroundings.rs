use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use hubwire_hub::{
    Answer, Command, ConnectionKey, Effect, Ending, GroupEvents, Limits, Opening, Presence, Protocol,
    Question, Recipient, Reply, Shard, Target, Unanswered,
};
use hubwire_protocol::codes::Close;
use hubwire_protocol::websocket::MessageKind;
use hubwire_protocol::{ConnectionId, Data, HubName};

use super::input::{self, Foreign};
use super::socket::{Socket, Written};
use crate::lives::Lives;

/// The most connections of one input; a shard with more behaves no differently.
const CONNECTIONS_MAX: usize = 24;

/// A worker as the shard knows it: sockets, a clock, and what the shard has told.
pub(super) struct Surroundings {
    shard: Shard,
    limits: Arc<Limits>,
    now_ms: u64,
    /// Every id that was ever used, and one that never is.
    ids: Vec<ConnectionId>,
    sockets: BTreeMap<ConnectionKey, Socket>,
    lives: Lives,
    interests: HashSet<String>,
    /// What the application was asked, and by whom.
    questions: Vec<(ConnectionId, Question)>,
}

impl Surroundings {
    pub(super) fn new() -> Self {
        let limits = Arc::new(input::small_limits());
        let mut shard = Shard::new(limits.clone());
        let other_hubs = vec![GroupEvents { joined: true, left: true, groups: Vec::new() }];
        shard.watch(true, 0);
        shard.set_presence(Some(Arc::new(Presence { hubs: HashMap::new(), other_hubs })));
        Self {
            shard,
            limits,
            now_ms: 1,
            ids: vec![ConnectionId::new(u128::MAX, 0)],
            sockets: BTreeMap::new(),
            lives: Lives::default(),
            interests: HashSet::new(),
            questions: Vec::new(),
        }
    }

    /// Makes one call, and carries out what it causes.
    pub(super) fn call(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        match input.int_in_range(0..=16)? {
            0 | 1 => self.connect(input)?,
            2 | 3 => self.client_message(input)?,
            4 | 5 => self.shard.publish(&input::envelope(input, &self.ids)?, self.now_ms),
            6 | 7 => self.execute(input)?,
            8 => self.disconnect(input)?,
            9 => self.resume(input)?,
            10 => self.pass_time(input)?,
            11 => self.block_or_fail(input)?,
            12 => self.hear_from_afar(input)?,
            13 => self.answer(input)?,
            14 => self.shard.end_rests(self.shard.resting()),
            _ => self.flush(input)?,
        }
        self.carry_out();
        Ok(())
    }

    fn connect(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        if self.ids.len() > CONNECTIONS_MAX {
            return Ok(());
        }
        let id = ConnectionId::new((self.ids.len() as u128) << 8, 0);
        let protocol = input::protocol(input)?;
        let subprotocol = match &protocol {
            Protocol::PubSub(subprotocol) => Some(subprotocol.name().into()),
            Protocol::Simple(_) => None,
        };
        let opening = Opening {
            id,
            hub: input::hub(input)?,
            user: input::optional_user(input)?,
            permissions: input::permissions(input)?,
            groups: input::groups(input)?,
            protocol,
            subprotocol,
            reconnection_token: input.arbitrary::<bool>()?.then(|| "token".to_owned()),
            origin: "localhost".into(),
            state: None,
        };
        let key = self.shard.connect(opening);
        self.ids.push(id);
        self.lives.begin(id);
        let before = self.sockets.insert(key, Socket::default());
        assert!(before.is_none(), "a slot was used again while its socket was there");
        assert_eq!(self.shard.connection_id(key), Some(id), "a new connection is not found under its key");
        Ok(())
    }

    fn client_message(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let Some(key) = self.any_socket(input)? else {
            return Ok(());
        };
        if self.shard.is_held(key) {
            // Its surroundings keep what it sends until it is released.
            return Ok(());
        }
        if self.shard.subprotocol(key).is_none() {
            let kind = *input.choose(&[MessageKind::Text, MessageKind::Binary])?;
            self.shard.simple_message(key, kind, input::payload(input)?, self.now_ms);
        } else {
            self.shard.request(key, input::request(input)?, self.now_ms);
        }
        Ok(())
    }

    fn execute(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let hub = input::hub(input)?;
        let command = input::command(input, &self.ids)?;
        let reply = self.shard.execute(&hub, &command);
        if let (Command::List { limit, after, .. }, Reply::Members(members)) = (&command, &reply) {
            assert!(members.len() <= *limit, "a page is longer than asked");
            assert!(
                members.is_sorted_by(|left, right| left.connection < right.connection),
                "a page is not in order"
            );
            for member in members {
                assert!(self.lives.contains(&member.connection), "a page shows who has ended");
                assert!(after.is_none_or(|after| member.connection > after), "a page goes back");
            }
        }
        Ok(())
    }

    fn disconnect(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let normal: bool = input.arbitrary()?;
        if let Some(key) = self.any_socket(input)? {
            self.sockets.remove(&key);
            let ending = if normal { Ending::Normal("bye".to_owned()) } else { Ending::Lost };
            self.shard.disconnect(key, ending, self.now_ms);
        }
        Ok(())
    }

    fn resume(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let (hub, id) = (input::hub(input)?, *input.choose(&self.ids)?);
        if let Some(key) = self.shard.resume(&hub, id, self.now_ms) {
            assert!(self.lives.contains(&id), "a session was recovered after its end");
            // The old socket, if there still is one, is dropped without a word.
            self.sockets.insert(key, Socket::default());
        }
        Ok(())
    }

    fn pass_time(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        self.now_ms += *input.choose(&[0, 1, 50, 1000, 400_000])?;
        self.shard.keep_time(self.now_ms);
        assert!(
            self.shard.next_due_ms().is_none_or(|due_ms| due_ms > self.now_ms),
            "what was due did not expire"
        );
        Ok(())
    }

    /// A letter or the publication of a stream from another shard.
    fn hear_from_afar(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        match input::foreign(input, &self.ids)? {
            Foreign::Letter(letter) => self.shard.receive(letter, self.now_ms),
            Foreign::Envelope(envelope) => self.shard.publish(&envelope, self.now_ms),
        }
        Ok(())
    }

    /// The application answers a question, perhaps one that is over.
    fn answer(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        if self.questions.is_empty() {
            return Ok(());
        }
        let index = input.choose_index(self.questions.len())?;
        let (connection, question) = self.questions[index].clone();
        let outcome = match input.int_in_range(0..=3)? {
            0 => Err(Unanswered::Unhandled),
            1 => Err(Unanswered::Failed),
            kind => {
                let data = (kind == 2).then(|| Data::Json(Bytes::from_static(b"[1]")));
                let state = input.arbitrary::<bool>()?.then(|| Bytes::from_static(b"state"));
                Ok(Answer { data, metadata: None, state })
            }
        };
        self.shard.answer(connection, &question, outcome, self.now_ms);
        Ok(())
    }

    fn block_or_fail(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let act = input.int_in_range(0..=4)?;
        let Some(key) = self.any_socket(input)? else {
            return Ok(());
        };
        match act {
            0 => self.shard.fail(key, &Close::INVALID_UTF8),
            1 => self.shard.ping(key),
            2 => self.shard.answer_ping(key, Bytes::from_static(&[0x8a, 0])),
            blocked => self.shard.set_blocked(key, blocked == 3),
        }
        Ok(())
    }

    fn flush(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let (bulk_max, frames, partly) =
            (input.int_in_range(0..=4)?, input.int_in_range(0..=40)?, input.arbitrary()?);
        let mut keys = Vec::new();
        self.shard.take_flushes(bulk_max, &mut keys);
        keys.extend(self.any_socket(input)?);
        for key in keys {
            let Some(socket) = self.sockets.get_mut(&key) else {
                continue;
            };
            let outbox =
                self.shard.outbox(key, self.now_ms).expect("a connection with a socket has an outbox");
            if socket.write(outbox, &self.limits, frames, partly) == Written::Closed {
                self.sockets.remove(&key);
                self.shard.disconnect(key, Ending::Lost, self.now_ms);
            }
        }
        Ok(())
    }

    fn any_socket(&self, input: &mut Unstructured<'_>) -> Result<Option<ConnectionKey>> {
        if self.sockets.is_empty() {
            return Ok(None);
        }
        let index = input.choose_index(self.sockets.len())?;
        Ok(self.sockets.keys().nth(index).copied())
    }

    /// Carries out effects, also those that letters back to the shard itself cause.
    fn carry_out(&mut self) {
        loop {
            let effects = self.shard.take_effects();
            // Whoever watches would be told: making it must not fail.
            let _told = self.shard.take_facts();
            if effects.is_empty() {
                return;
            }
            effects.into_iter().for_each(|effect| self.carry_out_one(effect));
        }
    }

    fn carry_out_one(&mut self, effect: Effect) {
        match effect {
            Effect::Send(Recipient::Owner(id), _) if id.worker() != 0 => {}
            Effect::Send(_, letter) => self.shard.receive(letter, self.now_ms),
            Effect::Ask { event, question } => {
                self.lives.told(&event);
                self.questions.push((event.connection, question));
            }
            // It may be held again by now; whoever reads it asks.
            Effect::Released(_) => {}
            Effect::Publish(envelope) => assert!(envelope.ttl_s <= 300, "a time to live grew"),
            Effect::Interested(hub, target) => {
                assert!(
                    self.interests.insert(interest(&hub, &target)),
                    "interest was told twice: {hub} {target:?}"
                );
            }
            Effect::Uninterested(hub, target) => {
                assert!(
                    self.interests.remove(&interest(&hub, &target)),
                    "interest was lost twice: {hub} {target:?}"
                );
            }
            Effect::Closing(key) => {
                assert!(self.sockets.contains_key(&key), "the last words are for a socket that is gone");
            }
            Effect::Notify(event) => self.lives.told(&event),
            Effect::Settle(_)
            | Effect::Moved { .. }
            | Effect::Append(_)
            | Effect::Keep(_)
            | Effect::Forget(_) => panic!("the shard is alone: {effect:?}"),
        }
    }

    /// What must hold after every call.
    pub(super) fn check(&self) {
        self.lives.check(&self.shard, !self.interests.is_empty());
    }

    /// Ends everything that is left.
    pub(super) fn finish(mut self) {
        for key in std::mem::take(&mut self.sockets).into_keys() {
            self.shard.disconnect(key, Ending::Normal(String::new()), self.now_ms);
        }
        self.now_ms += self.limits.recovery_window_ms;
        self.shard.keep_time(self.now_ms);
        self.carry_out();
        // Nobody watches over subscribers that are gone for long.
        self.shard.keep_time(self.now_ms + 1000);
        self.check();
        assert!(self.lives.is_empty(), "connections outlived their sockets and their recovery window");
        assert!(self.shard.next_due_ms().is_none(), "a deadline is left over");
    }
}

fn interest(hub: &HubName, target: &Target) -> String {
    format!("{hub} {target:?}")
}
