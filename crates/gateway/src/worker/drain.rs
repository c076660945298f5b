use std::borrow::Cow;
use std::collections::VecDeque;

use hubwire_hub::{ConnectionKey, Exchange};
use hubwire_protocol::Subprotocol;
use hubwire_protocol::codes::Close;

use super::State;
use super::spread::Spread;

/// The part of the drain time-out over which clients are sent away: the last ones have the rest of it to answer.
const SPREAD_PARTS: u64 = 2;

/// How far a worker is that stops.
pub(super) struct Drain {
    /// When sockets are closed whose clients have not answered.
    until_ms: u64,
    /// Clients that are sent away one after the other, before all others; none when that is done.
    farewells: Option<Farewells>,
}

/// Sockets by key and serial, and how many of them are due.
struct Farewells {
    sockets: VecDeque<(ConnectionKey, u64)>,
    spread: Spread,
}

impl<E: Exchange> State<E> {
    /// Begins to tell every client that the service stops.
    ///
    /// Where there are other nodes, plain clients connect to one of them as soon as they are told. They are told in a spread, so that these
    /// are not stormed, and served until then. Reliable sessions follow together, since everybody holds publishes back while they move.
    pub(super) fn begin_drain(&mut self) {
        let patience_ms = self.settings.limits.drain_timeout_ms;
        let sockets = if self.exchange.hands_over() { self.plain_sockets() } else { VecDeque::new() };
        let spread = Spread::new(sockets.len(), self.now_ms, patience_ms / SPREAD_PARTS);
        let farewells = Some(Farewells { sockets, spread });
        self.drain = Some(Drain { until_ms: self.now_ms + patience_ms, farewells });
        self.go_on_draining();
    }

    /// The sockets of clients whose connections end with them.
    fn plain_sockets(&self) -> VecDeque<(ConnectionKey, u64)> {
        let open = self.sockets.iter().enumerate().filter_map(|(index, socket)| {
            let key = ConnectionKey(index as u32);
            socket.as_ref().map(|socket| (key, socket.serial))
        });
        open.filter(|(key, _)| !self.shard.subprotocol(*key).is_some_and(Subprotocol::is_reliable)).collect()
    }

    /// Sends away the plain clients that are due; after the last of them everybody else.
    pub(super) fn go_on_draining(&mut self) {
        let now_ms = self.now_ms;
        let Some(farewells) = self.drain.as_mut().and_then(|drain| drain.farewells.as_mut()) else {
            return;
        };
        let due = farewells.spread.take_due(now_ms);
        let sockets: Vec<_> = farewells.sockets.drain(..due).collect();
        let is_last = farewells.sockets.is_empty();
        for (key, serial) in sockets {
            if self.socket(key).is_some_and(|socket| socket.serial == serial) {
                self.send_away(key);
            }
        }
        if is_last {
            self.send_all_away();
        }
    }

    fn send_all_away(&mut self) {
        if let Some(drain) = &mut self.drain {
            drain.farewells = None;
        }
        // Who has been sent away is closing from here on.
        self.carry_out();
        for index in 0..self.sockets.len() {
            let key = ConnectionKey(index as u32);
            if self.socket(key).is_some_and(|socket| !socket.closing) {
                self.send_away(key);
            }
        }
        self.carry_out();
        self.exchange.drained();
    }

    /// When the next plain clients are sent away.
    pub(super) fn next_farewell_ms(&self) -> Option<u64> {
        let farewells = self.drain.as_ref().and_then(|drain| drain.farewells.as_ref());
        farewells.map(|_| self.now_ms + 1)
    }

    /// Tells a client that the service stops. A reliable one finds its session elsewhere, if there is an elsewhere.
    pub(super) fn send_away(&mut self, key: ConnectionKey) {
        // A session that is kept elsewhere waits there for whoever takes it.
        let goes_on = self.exchange.hands_over() || self.shard.is_kept(key);
        if goes_on && self.shard.suspend(key, &Close::GOING_AWAY) {
            return;
        }
        let reason: Cow<'static, str> = Close::GOING_AWAY.reason;
        self.shard.close(key, &Close::GOING_AWAY, reason.clone(), reason);
    }

    /// Whether sockets are still open. Each of them is, for at most the drain time-out.
    pub(super) fn is_draining(&self) -> bool {
        self.sockets.iter().any(Option::is_some)
    }

    /// From now on the peer has the drain time-out to answer the closing handshake, or what is left of it while the service stops.
    pub(crate) fn begin_closing(&mut self, key: ConnectionKey) {
        let due_ms = match &self.drain {
            Some(drain) => drain.until_ms.max(self.now_ms),
            None => self.now_ms + self.settings.limits.drain_timeout_ms,
        };
        let Some(socket) = self.socket(key).filter(|socket| !socket.closing) else {
            return;
        };
        socket.closing = true;
        let serial = socket.serial;
        self.closings.push(due_ms, key, serial);
    }
}
