use hubwire_hub::{Answer, ConnectionKey, Opening, Question, TraceContext, Unanswered};
use hubwire_protocol::websocket::DeflateWindow;
use hubwire_protocol::{ConnectionId, HubName};
use tokio::sync::oneshot;

use crate::entrance::Place;
use crate::stream::Stream;

/// What handshakes and applications tell the worker of a client.
pub(crate) enum Arrival {
    /// A connection begins. Its client is told only once it has begun, so that whoever saw its handshake succeed can send to it.
    Begin {
        /// The connection.
        opening: Box<Opening>,
        /// Takes the connection's key, once every worker knows of it.
        begun: oneshot::Sender<ConnectionKey>,
    },
    /// A client has been told, and this is its socket.
    Socket {
        /// Whose it is.
        purpose: Purpose,
        /// The socket.
        upgraded: Upgraded,
    },
    /// The client went away before it could be told.
    Abandoned(ConnectionKey),
    /// The application has answered, or nobody could be asked.
    Answered {
        /// Whose question it was.
        connection: ConnectionId,
        /// What was asked.
        question: Question,
        /// The span of the event, if it belongs to a distributed trace.
        cause: Option<TraceContext>,
        /// What came of it.
        outcome: Result<Answer, Unanswered>,
    },
}

/// A socket that has been upgraded.
pub(crate) struct Upgraded {
    pub(crate) stream: Stream,
    /// What the client sent right behind its handshake.
    pub(crate) early: Vec<u8>,
    /// Either side may compress what it sends; the service by this window.
    pub(crate) compression: Option<DeflateWindow>,
    pub(crate) place: Place,
}

/// What a socket is for.
pub(crate) enum Purpose {
    /// A connection that has just begun here.
    Serve(ConnectionKey),
    /// Go on with a session that this worker owns, and that its client showed the token for.
    Resume { hub: HubName, id: ConnectionId, reconnection_token: Box<str> },
}
