use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hubwire_hub::{
    Application, ConnectionKey, Effect, Ending, Event, Exchange, HubPaces, Mark, MessageId, Occurrence,
    Question, Shard,
};
use hubwire_protocol::codes::Close;
use hubwire_protocol::websocket::Inflater;
use tokio::sync::mpsc::UnboundedSender;

use super::Shared;
use super::drain::Drain;
use super::measure::Measures;
use crate::arrival::Arrival;
use crate::log::{CONNECTIVITY, CONNECTIVITY_LOGS, MESSAGING, MESSAGING_LOGS};
use crate::socket::Socket;
use crate::timers::Timers;
use crate::{Environment, Error, Settings};

/// What one read takes from a socket at most. Larger reads save system calls under load, and this one buffer is all that a worker has.
const READ_BUFFER_BYTES: usize = 64 << 10;

/// Publishers that rest until every other worker is past a mark.
pub(super) struct Rests {
    pub(super) mark: Mark,
    pub(super) publishers: usize,
}

/// All that a worker's loop works on.
pub(crate) struct State<E> {
    pub(super) index: u8,
    pub(crate) shard: Shard,
    pub(crate) exchange: E,
    application: Rc<dyn Application>,
    /// The application's answers come this way.
    answers: UnboundedSender<Arrival>,
    /// What the application is to be told before anything is written.
    events: Vec<Event>,
    /// By connection key.
    pub(crate) sockets: Vec<Option<Socket>>,
    pub(super) poll: mio::Poll,
    /// Sockets that may have something to read.
    pub(crate) read_queue: VecDeque<ConnectionKey>,
    pub(crate) read_buffer: Vec<u8>,
    /// Inflates what clients compressed; nothing is kept from one message to the next.
    pub(crate) inflater: Inflater,
    /// Where the heads of sequenced frames are written for one flush.
    pub(crate) heads: Vec<u8>,
    pub(super) pings: Timers,
    pub(crate) closings: Timers,
    /// Clients that are not read for a moment.
    pub(crate) pauses: Timers,
    pub(crate) hub_paces: Arc<HubPaces>,
    /// Publishers of streams that wait for other workers.
    pub(super) rests: Option<Rests>,
    /// The service stops: who still comes is told so.
    pub(super) drain: Option<Drain>,
    pub(super) next_report_ms: u64,
    pub(super) serials: u64,
    pub(crate) now_ms: u64,
    pub(crate) measures: Measures,
    pub(crate) settings: Arc<Settings>,
    pub(super) settings_source: Arc<ArcSwap<Settings>>,
    pub(super) environment: Arc<dyn Environment>,
}

impl<E: Exchange> State<E> {
    pub(super) fn new(
        index: u8,
        shared: &Shared,
        exchange: E,
        application: Rc<dyn Application>,
    ) -> Result<Self, Error> {
        let settings = shared.settings.load_full();
        let mut shard = Shard::new(settings.hub_limits.clone());
        shard.set_json_form(settings.protobuf_json);
        shard.set_presence(settings.presence.clone());
        shard.set_spans_nodes(exchange.spans_nodes());
        if exchange.spans_nodes() {
            shard.number_messages_from(MessageId::first_serial(shared.surroundings.environment.random()));
        }
        shard.set_logged(exchange.logged());
        let mut state = Self {
            index,
            shard,
            exchange,
            application,
            answers: shared.arrivals[usize::from(index)].clone(),
            events: Vec::new(),
            sockets: Vec::new(),
            poll: mio::Poll::new()?,
            read_queue: VecDeque::new(),
            read_buffer: vec![0; READ_BUFFER_BYTES],
            inflater: Inflater::default(),
            heads: Vec::new(),
            pings: Timers::default(),
            closings: Timers::default(),
            pauses: Timers::default(),
            hub_paces: shared.hub_paces.clone(),
            rests: None,
            drain: None,
            next_report_ms: 0,
            serials: 0,
            now_ms: shared.surroundings.environment.monotonic_ms(),
            measures: Measures::new(shared.surroundings.observer.clone()),
            settings,
            settings_source: shared.settings.clone(),
            environment: shared.surroundings.environment.clone(),
        };
        state.set_calendar();
        Ok(state)
    }

    pub(crate) fn socket(&mut self, key: ConnectionKey) -> Option<&mut Socket> {
        self.sockets.get_mut(key.index())?.as_mut()
    }

    /// Puts a socket into the list of those to read, once.
    pub(crate) fn queue_read(&mut self, key: ConnectionKey) {
        let Some(socket) = self.socket(key) else {
            return;
        };
        if !socket.in_read_queue {
            socket.in_read_queue = true;
            self.read_queue.push_back(key);
        }
    }

    /// Ends a connection for a fault of its client: it is told, and its session is gone.
    pub(crate) fn fail(&mut self, key: ConnectionKey, close: &Close) {
        tracing::debug!(connection = ?self.shard.connection_id(key), code = close.code, reason = %close.reason, "a client broke its protocol");
        self.shard.fail(key, close);
    }

    /// Closes a socket and tells the shard how it ended.
    pub(crate) fn drop_socket(&mut self, key: ConnectionKey, ending: Ending) {
        if let Some(socket) = self.sockets.get_mut(key.index()) {
            *socket = None;
        }
        self.shard.disconnect(key, ending, self.now_ms);
    }

    /// Carries out what the shard wants of its surroundings, and what it wants because of that: nothing may be written before.
    pub(crate) fn carry_out(&mut self) {
        loop {
            let effects = self.shard.take_effects();
            if effects.is_empty() {
                break;
            }
            effects.into_iter().for_each(|effect| self.carry_out_one(effect));
        }
        if !self.events.is_empty() {
            self.application.notify(std::mem::take(&mut self.events));
        }
    }

    fn carry_out_one(&mut self, effect: Effect) {
        match effect {
            Effect::Publish(mut envelope) => {
                let (category, bytes) = (MESSAGING_LOGS, envelope.message.data.bytes().len());
                tracing::debug!(target: MESSAGING, category, hub = %envelope.hub, recipients = ?envelope.target, bytes, "a client published a message");
                envelope.accepted_us = self.measures.now_us;
                self.measures.published(envelope.accepted_us);
                self.exchange.publish(envelope);
            }
            Effect::Append(entry) => self.exchange.append(entry),
            Effect::Keep(session) => self.exchange.keep(session),
            Effect::Forget(parting) => self.exchange.forget(parting),
            Effect::Interested(hub, target) => self.exchange.interested(&hub, &target),
            Effect::Uninterested(hub, target) => self.exchange.uninterested(&hub, &target),
            Effect::Send(recipient, letter) => self.exchange.send(&recipient, letter),
            Effect::Notify(event) => {
                log(&event);
                self.events.push(event);
            }
            Effect::Moved { event, arrived } => {
                // A life that moves has begun before, and the application must have been told so.
                if !self.events.is_empty() {
                    self.application.notify(std::mem::take(&mut self.events));
                }
                self.application.moved(&event, arrived);
            }
            Effect::Ask { event, question } => self.ask(event, question),
            Effect::Released(key) => self.read_on(key),
            Effect::Settle(connection) => self.exchange.settle(connection),
            Effect::Closing(key) => self.begin_closing(key),
        }
    }

    /// Asks the application, on this thread, and has its answer arrive like everything else that does.
    fn ask(&self, event: Event, question: Question) {
        let (connection, cause, answers) = (event.connection, event.cause, self.answers.clone());
        let answer = self.application.ask(event);
        tokio::task::spawn_local(async move {
            let outcome = answer.await;
            // A worker that takes no arrivals has stopped, and its clients with it.
            let _stopped = answers.send(Arrival::Answered { connection, question, cause, outcome });
        });
    }
}

/// Writes down that a connection has begun or ended.
fn log(event: &Event) {
    let (category, connection, hub, user) = (CONNECTIVITY_LOGS, event.connection, &event.hub, &event.user);
    match &event.occurrence {
        Occurrence::Connected => {
            let operation = "ConnectionStarted";
            tracing::debug!(target: CONNECTIVITY, category, operation, %connection, %hub, ?user, "a connection has begun");
        }
        Occurrence::Disconnected { reason } => {
            let operation = "ConnectionEnded";
            tracing::debug!(target: CONNECTIVITY, category, operation, %connection, %hub, ?user, %reason, "a connection has ended");
        }
        _ => {}
    }
}
