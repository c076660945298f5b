use std::borrow::Cow;

use hubwire_hub::{ConnectionKey, Exchange};
use hubwire_protocol::codes::Close;

use super::State;

impl<E: Exchange> State<E> {
    /// Tells every client that the service stops.
    pub(super) fn begin_drain(&mut self) {
        self.draining = true;
        for index in 0..self.sockets.len() {
            let key = ConnectionKey(index as u32);
            if self.socket(key).is_some() {
                self.send_away(key);
            }
        }
        self.carry_out();
        self.exchange.drained();
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

    /// From now on the peer has the drain time-out to answer the closing handshake.
    pub(crate) fn begin_closing(&mut self, key: ConnectionKey) {
        let due_ms = self.now_ms + self.settings.limits.drain_timeout_ms;
        let Some(socket) = self.socket(key).filter(|socket| !socket.closing) else {
            return;
        };
        socket.closing = true;
        let serial = socket.serial;
        self.closings.push(due_ms, key, serial);
    }
}
