use std::borrow::Cow;

use hubwire_protocol::{ConnectionId, HubName, InvocationRequest, UserId};

use crate::{ConnectionKey, Envelope, Letter, Recipient, Target};

/// What a shard wants of its surroundings. Effects are carried out in order, and before anything that waits in an outbox is written:
/// a client that is told of its join can rely on every worker knowing of it.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Take the envelope to every *other* shard with interest in its target; here it has been delivered.
    Publish(Envelope),
    /// Take the letter to its recipient, be it this shard itself.
    Send(Recipient, Letter),
    /// Ask the application, and hand its answer to [`crate::Shard::answer_invocation`].
    Invoke {
        /// Who asks.
        connection: ConnectionId,
        /// Its hub.
        hub: HubName,
        /// Its user.
        user: Option<UserId>,
        /// Tells the invocation from others that have the same id.
        serial: u64,
        /// What is asked.
        request: InvocationRequest,
    },
    /// The client is to be read again: see [`crate::Shard::is_held`].
    Released(ConnectionKey),
    /// The shard now has recipients for a target that had none.
    Interested(HubName, Target),
    /// The shard has lost its last recipient for a target.
    Uninterested(HubName, Target),
    /// The connection's last words wait in its outbox: its socket has the time of a closing handshake left.
    Closing(ConnectionKey),
    /// A connection and its session have ended, for good and once.
    Ended {
        /// The connection.
        connection: ConnectionId,
        /// Its hub.
        hub: HubName,
        /// Its user.
        user: Option<UserId>,
        /// Why, as the application is told.
        reason: Cow<'static, str>,
    },
}
