use hubwire_protocol::{ConnectionId, HubName};

use crate::{ConnectionKey, Entry, Envelope, Event, Letter, Luggage, Parting, Question, Recipient, Target};

/// What a shard wants of its surroundings. Effects are carried out in order, and before anything that waits in an outbox is written:
/// a client that is told of its join can rely on every worker knowing of it.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Take the envelope to every *other* shard with interest in its target; here it has been delivered.
    Publish(Envelope),
    /// Append this to the log. What it asks for takes effect when it comes back by [`crate::Shard::apply`]; if it does not get there, the author's
    /// shard is told by [`Letter::AppendRefused`].
    Append(Entry),
    /// A session of a hub with a log has begun: keep this of it where other processes find it. Its client is told of nothing before. Or a plain
    /// publisher has opened a stream there: keep this of it likewise, in place of what was kept before, and say so by [`Letter::Kept`].
    Keep(Box<Luggage>),
    /// A session of a hub with a log, or a plain publisher that is kept, has ended. Unless another process has taken it, what is kept of it is to
    /// go, the application to be told, by [`Letter::Tell`], if it is not, and what it leaves to be said to be appended, whatever becomes of this
    /// process.
    Forget(Box<Parting>),
    /// Take the letter to its recipient, be it this shard itself.
    Send(Recipient, Letter),
    /// Tell the application, in the order of these effects.
    Notify(Event),
    /// A session has gone to another process, or has come from one: the application is not told, but whoever would tell it of an end that this
    /// process does not live to tell must know. The event is that of the beginning, under the number of the latest one.
    Moved {
        /// Whose.
        event: Event,
        /// Whether it has come.
        arrived: bool,
    },
    /// Ask the application, and hand its answer, which always comes, to [`crate::Shard::answer`].
    Ask {
        /// What is asked.
        event: Event,
        /// Who waits for the answer.
        question: Question,
    },
    /// The client is to be read again: see [`crate::Shard::is_held`].
    Released(ConnectionKey),
    /// The shard now has recipients for a target that had none.
    Interested(HubName, Target),
    /// The shard has lost its last recipient for a target.
    Uninterested(HubName, Target),
    /// Have [`Letter::Settled`] come for the connection once every shard knows of the interests above. Only where shards are on several
    /// nodes: see [`crate::Shard::set_spans_nodes`].
    Settle(ConnectionId),
    /// The connection's last words wait in its outbox: its socket has the time of a closing handshake left.
    Closing(ConnectionKey),
}
