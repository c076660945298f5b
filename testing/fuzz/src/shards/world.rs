use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use hubwire_hub::{
    Answer, Command, ConnectionKey, Ending, Envelope, Limits, Opening, Protocol, Target, Unanswered,
};
use hubwire_protocol::{ConnectionId, Data, HubName, Message, Sender};

use super::exchange::{Exchange, SHARDS};
use super::speech;
use super::witness::Witness;
use super::worker::Worker;
use crate::shard::input;

/// The most connections of one input, witnesses aside.
const CONNECTIONS_MAX: usize = 16;
/// Parcels that are taken in at the end at most: shards that answered each other for ever would be a fault.
const PARCELS_MAX: usize = 100_000;

/// Two workers, what ties them together, and who is around them.
pub(super) struct World {
    workers: [Worker; SHARDS],
    exchange: Exchange,
    witnesses: [Witness; SHARDS],
    limits: Arc<Limits>,
    hub: HubName,
    /// Every id that was ever used, and one that never is.
    ids: Vec<ConnectionId>,
    announcements: usize,
    now_ms: u64,
}

impl World {
    pub(super) fn new() -> Self {
        let limits = Arc::new(input::small_limits());
        let hub = HubName::parse("chat").expect("the name is valid");
        let mut workers = std::array::from_fn(|shard| Worker::new(shard, &hub, limits.clone()));
        let witnesses = Witness::all(&mut workers, &hub);
        let ids = vec![ConnectionId::new(1 << 64, 0)];
        let mut world = Self {
            workers,
            exchange: Exchange::default(),
            witnesses,
            limits,
            hub,
            ids,
            announcements: 0,
            now_ms: 1,
        };
        world.carry_out();
        world
    }

    /// Does one thing, and what follows of it on the shards where it happened.
    pub(super) fn step(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let shard = input.choose_index(SHARDS)?;
        match input.int_in_range(0..=15)? {
            0 => self.connect(input, shard)?,
            1 | 2 => self.announce(),
            3 => self.command(input)?,
            4 => self.lose(input, shard)?,
            5 => self.workers[shard].resume(*input.choose(&self.ids)?, self.now_ms),
            6 => self.pass_time(input)?,
            7 => self.answer(input, shard)?,
            8 | 9 => self.flush(input, shard)?,
            10 | 11 => self.deliver(shard),
            12 => self.block(input, shard)?,
            _ => self.send(input, shard)?,
        }
        self.carry_out();
        Ok(())
    }

    fn connect(&mut self, input: &mut Unstructured<'_>, shard: usize) -> Result<()> {
        if self.ids.len() > CONNECTIONS_MAX {
            return Ok(());
        }
        let id = ConnectionId::new((self.ids.len() as u128) << 8, shard as u8);
        let protocol = input::protocol(input)?;
        let subprotocol = match &protocol {
            Protocol::PubSub(subprotocol) => Some(*subprotocol),
            Protocol::Simple(_) => None,
        };
        let opening = Opening {
            id,
            hub: self.hub.clone(),
            user: input::optional_user(input)?,
            permissions: input::permissions(input)?,
            groups: input::groups(input)?,
            protocol,
            subprotocol: subprotocol.map(|subprotocol| subprotocol.name().into()),
            reconnection_token: Some("token".to_owned()),
            origin: "localhost".into(),
            state: None,
        };
        self.workers[shard].connect(opening, subprotocol);
        self.ids.push(id);
        Ok(())
    }

    /// The application sends something to everybody in the hub.
    fn announce(&mut self) {
        self.announcements += 1;
        let text = format!("announcement {}", self.announcements);
        let message = Message::new(Sender::Server, Data::Text(Bytes::from(text)), None);
        self.exchange.publish(None, &Envelope::new(self.hub.clone(), Target::Hub, message));
    }

    /// The application wants something done. It leaves the witnesses where they are.
    fn command(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let mut command = input::command(input, &self.ids)?;
        if let Command::Close { excluded, .. } = &mut command {
            let witnesses = self.witnesses.iter().map(|witness| witness.id);
            *excluded = excluded.iter().copied().chain(witnesses).collect();
        }
        self.exchange.execute(&self.hub, command);
        Ok(())
    }

    fn lose(&mut self, input: &mut Unstructured<'_>, shard: usize) -> Result<()> {
        if let Some(key) = self.any_client(input, shard)? {
            self.workers[shard].lose(key, Ending::Lost, self.now_ms);
        }
        Ok(())
    }

    fn send(&mut self, input: &mut Unstructured<'_>, shard: usize) -> Result<()> {
        let Some(key) = self.any_client(input, shard)? else { return Ok(()) };
        let sent = speech::sent(input, &self.workers[shard].clients[&key])?;
        // In two pieces: the second may never come.
        let cut = input.int_in_range(0..=sent.len())?;
        self.workers[shard].receive(key, &sent[..cut], self.now_ms);
        if input.ratio(7_u8, 8_u8)? {
            self.workers[shard].receive(key, &sent[cut..], self.now_ms);
        }
        Ok(())
    }

    fn pass_time(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        self.now_ms += *input.choose(&[0, 1, 50, 1000])?;
        for worker in &mut self.workers {
            worker.shard.keep_time(self.now_ms);
        }
        Ok(())
    }

    fn answer(&mut self, input: &mut Unstructured<'_>, shard: usize) -> Result<()> {
        let worker = &mut self.workers[shard];
        if worker.questions.is_empty() {
            return Ok(());
        }
        let (connection, question) =
            worker.questions.swap_remove(input.choose_index(worker.questions.len())?);
        let outcome = if input.arbitrary()? {
            Ok(Answer { data: Some(Data::Json(Bytes::from_static(b"[1]"))), metadata: None, state: None })
        } else {
            Err(Unanswered::Failed)
        };
        worker.shard.answer(connection, &question, outcome, self.now_ms);
        Ok(())
    }

    fn flush(&mut self, input: &mut Unstructured<'_>, shard: usize) -> Result<()> {
        let (frames, partly) = (input.int_in_range(0..=12)?, input.arbitrary()?);
        if let Some(key) = self.any_client(input, shard)? {
            self.workers[shard].flush(&[key], frames, partly, self.now_ms);
        }
        Ok(())
    }

    fn block(&mut self, input: &mut Unstructured<'_>, shard: usize) -> Result<()> {
        let blocked = input.arbitrary()?;
        if let Some(key) = self.any_client(input, shard)? {
            self.workers[shard].shard.set_blocked(key, blocked);
        }
        Ok(())
    }

    /// A shard takes in what has waited longest for it.
    fn deliver(&mut self, shard: usize) {
        if let Some(parcel) = self.exchange.take(shard) {
            self.workers[shard].take(parcel, &mut self.exchange, self.now_ms);
        }
    }

    /// Any client of a shard but its witness.
    fn any_client(&self, input: &mut Unstructured<'_>, shard: usize) -> Result<Option<ConnectionKey>> {
        let witness = self.witnesses[shard].id;
        let clients = self.workers[shard].clients.iter().filter(|(_, client)| client.id != witness);
        let keys: Vec<_> = clients.map(|(key, _)| *key).collect();
        if keys.is_empty() { Ok(None) } else { input.choose(&keys).copied().map(Some) }
    }

    /// Has the shards' wishes carried out, and the witnesses read.
    fn carry_out(&mut self) {
        for (worker, witness) in self.workers.iter_mut().zip(&self.witnesses) {
            worker.carry_out(&mut self.exchange);
            worker.read_released(&mut self.exchange, self.now_ms);
            let resting = worker.shard.resting();
            worker.shard.end_rests(resting);
            witness.read(worker, self.now_ms);
            worker.carry_out(&mut self.exchange);
        }
    }

    /// What must hold after every step.
    pub(super) fn check(&self) {
        self.workers.iter().for_each(|worker| worker.check(&self.exchange));
    }

    /// Lets all that waits arrive, and ends everybody.
    pub(super) fn finish(mut self) {
        self.settle();
        for (worker, witness) in self.workers.iter().zip(&self.witnesses) {
            witness.check(worker, self.announcements);
        }
        for (worker, witness) in self.workers.iter_mut().zip(&self.witnesses) {
            witness.leave(worker, self.now_ms);
            for key in worker.clients.keys().copied().collect::<Vec<_>>() {
                worker.lose(key, Ending::Lost, self.now_ms);
            }
            worker.carry_out(&mut self.exchange);
        }
        // Sessions that nobody comes back to, and what is kept for those who are gone.
        for _ in 0..2 {
            self.now_ms += self.limits.recovery_window_ms + 1000;
            for worker in &mut self.workers {
                worker.shard.keep_time(self.now_ms);
                worker.carry_out(&mut self.exchange);
            }
            while !self.exchange.is_empty() {
                for shard in 0..SHARDS {
                    self.deliver(shard);
                    self.workers[shard].carry_out(&mut self.exchange);
                }
            }
        }
        self.check();
        for worker in &self.workers {
            assert_eq!(worker.shard.connection_count(), 0, "connections outlived their sockets");
            assert!(worker.shard.next_due_ms().is_none(), "a deadline is left over");
        }
    }

    /// Takes everything in that waits between the shards.
    fn settle(&mut self) {
        for _ in 0..PARCELS_MAX {
            if self.exchange.is_empty() {
                return;
            }
            for shard in 0..SHARDS {
                self.deliver(shard);
                self.carry_out();
            }
        }
        panic!("the shards never come to rest");
    }
}
