use std::os::fd::AsFd;
use std::time::Duration;

use hubwire_hub::{ConnectionKey, Ending, Exchange, Opening};
use hubwire_protocol::codes::Close;
use hubwire_protocol::websocket::close_frame;
use mio::{Interest, Token};
use tokio::io::AsyncReadExt;

use super::State;
use crate::arrival::{Arrival, Purpose, Upgraded};
use crate::socket::Socket;
use crate::stream::Stream;

impl<E: Exchange> State<E> {
    /// Takes in what handshakes tell, and lets those go on whose connections have begun.
    pub(super) fn take_arrivals(&mut self, arrivals: &mut Vec<Arrival>) {
        let mut begun = Vec::new();
        for arrival in arrivals.drain(..) {
            match arrival {
                Arrival::Begin { opening, begun: told } => begun.push((told, self.begin(*opening))),
                Arrival::Socket { purpose, upgraded } => self.attach(purpose, upgraded),
                Arrival::Answered { connection, question, cause, outcome } => {
                    self.shard.caused_by(cause);
                    self.shard.answer(connection, &question, outcome, self.now_ms);
                    self.shard.caused_by(None);
                }
                Arrival::Abandoned(key) => self.drop_socket(key, Ending::Normal(String::new())),
            }
        }
        if !begun.is_empty() {
            self.carry_out();
        }
        for (told, key) in begun {
            if told.send(key).is_err() {
                // The handshake is gone, and with it the only one who knows of the connection.
                self.drop_socket(key, Ending::Normal(String::new()));
            }
        }
    }

    /// Begins a connection that has no socket yet: what it is sent waits.
    fn begin(&mut self, opening: Opening) -> ConnectionKey {
        let key = self.shard.connect(opening);
        self.shard.set_blocked(key, true);
        key
    }

    /// Takes over a socket: for a connection that has begun, or for a session that its client came back to.
    fn attach(&mut self, purpose: Purpose, upgraded: Upgraded) {
        let Upgraded { stream, early, compression, place } = upgraded;
        let key = match purpose {
            Purpose::Serve(key) => {
                self.shard.set_blocked(key, false);
                key
            }
            Purpose::Resume { hub, id, reconnection_token } => {
                let Some(key) = self.shard.resume(&hub, id, self.now_ms) else {
                    if self.drain.is_some() {
                        // It may be on its way to another node: the client tries again.
                        return;
                    }
                    return self.refuse(stream);
                };
                self.shard.greet_again(key, &reconnection_token);
                key
            }
        };
        self.shard.set_compression(key, compression);
        self.serials += 1;
        let mut socket = Socket::new(stream, early, compression, place, self.serials, self.now_ms);
        // Both interests, once and for all: events are edges, so a socket that has nothing to say costs nothing.
        let interests = Interest::READABLE | Interest::WRITABLE;
        let watched = self.poll.registry().register(socket.stream.source(), Token(key.index()), interests);
        if self.sockets.len() <= key.index() {
            self.sockets.resize_with(key.index() + 1, || None);
        }
        // A session's old socket, if it still has one, is closed here without a word: the client has left it.
        self.sockets[key.index()] = Some(socket);
        if let Err(error) = watched {
            tracing::warn!(%error, "a socket cannot be watched");
            return self.drop_socket(key, Ending::Lost);
        }
        let due_ms = self.now_ms + self.settings.limits.ping_interval_ms;
        self.pings.push(due_ms, key, self.serials);
        if self.drain.is_some() {
            self.send_away(key);
        }
        if self.shard.connection_id(key).is_none() {
            // It was ended while its client was being told of it.
            self.begin_closing(key);
        }
        self.flush(key);
        self.read_on(key);
    }

    /// Closes the socket of a recovery that cannot be served. Outside of the loop, since it has no connection to be kept under.
    fn refuse(&self, mut stream: Stream) {
        let frame = close_frame(&Close::NOT_RECOVERABLE);
        // A new socket takes a few bytes at once; one that does not is gone already.
        if stream.write(&frame).and_then(|_| stream.flush()).is_err() {
            return;
        }
        let Ok(input) = stream.as_fd().try_clone_to_owned() else {
            return;
        };
        let patience = Duration::from_millis(self.settings.limits.drain_timeout_ms);
        tokio::task::spawn_local(async move {
            let Ok(mut input) = tokio::net::TcpStream::from_std(input.into()) else {
                return;
            };
            // Until the client closes: closing first, with unread input, would reset the socket and could take the frame with it.
            let mut rest = [0; 256];
            let closed = async { while matches!(input.read(&mut rest).await, Ok(1..)) {} };
            let _late = tokio::time::timeout(patience, closed).await;
            drop(stream);
        });
    }
}
