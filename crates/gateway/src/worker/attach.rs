use std::os::fd::AsFd;
use std::sync::Arc;

use hubwire_hub::{ConnectionKey, Ending, Exchange, Opening};
use hubwire_protocol::codes::Close;
use hubwire_protocol::websocket::close_frame;
use mio::{Interest, Token};

use super::State;
use crate::Settings;
use crate::arrival::{Arrival, Purpose, Upgraded};
use crate::entrance::Place;
use crate::lingering::{count_hasty_close, linger};
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
                    return self.refuse(stream, place);
                };
                self.shard.greet_again(key, &reconnection_token);
                key
            }
        };
        self.shard.set_compression(key, compression);
        self.serials += 1;
        let mut socket = Socket::new(stream, early, compression.is_some(), place, self.serials, self.now_ms);
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
    fn refuse(&self, mut stream: Stream, place: Place) {
        let frame = close_frame(&Close::NOT_RECOVERABLE);
        // A new socket takes a few bytes at once; one that does not is gone already.
        if stream.write(&frame).and_then(|_| stream.flush()).is_ok() {
            linger_apart(stream, place, self.settings.clone());
        }
    }

    /// Has a socket closed outside of the loop, whose connection is over and whose client has still something to read.
    pub(crate) fn linger_on(&mut self, key: ConnectionKey) {
        let Some(mut socket) = self.sockets.get_mut(key.index()).and_then(Option::take) else {
            return;
        };
        // Its number will be another's. One that cannot be taken from the loop is gone.
        if self.poll.registry().deregister(socket.stream.source()).is_ok() {
            linger_apart(socket.stream, socket.place, self.settings.clone());
        }
    }
}

/// Closes a client's socket by [`linger`], beside everything else. It keeps its place meanwhile.
fn linger_apart(mut stream: Stream, place: Place, settings: Arc<Settings>) {
    stream.finish();
    let Ok(input) = stream.as_fd().try_clone_to_owned() else {
        return count_hasty_close("descriptors");
    };
    tokio::task::spawn_local(async move {
        // Only its end is waited for: whatever kind of socket it is, and whatever is spoken on it.
        if let Ok(input) = tokio::net::TcpStream::from_std(input.into()) {
            linger(input, &settings.limits).await;
        }
        drop((stream, place));
    });
}
