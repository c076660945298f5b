use std::sync::Arc;

use hubwire_auth::Permission;
use hubwire_filter::Filter;
use hubwire_protocol::{ConnectionId, GroupName, UserId};

use crate::{Explanations, Findings, Inquiry, Luggage, Survey, Target};

/// Whose group memberships a command changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// One connection.
    Connection(ConnectionId),
    /// Every connection that a user has now, detached reliable ones included. Later connections are not affected.
    User(UserId),
}

/// What an application asks of one hub, besides sending.
///
/// A command takes effect in every shard in its [`Scope`] before its [`Reply`] is known.
#[derive(Debug, Clone)]
pub enum Command {
    /// Is there a connection, or a session that can still be recovered? Answers [`Reply::Done`] or [`Reply::Missing`].
    /// For [`Target::Hub`]: has the hub any connection?
    Exists(Target),
    /// Join a group. [`Reply::Missing`] if the subject has no connection.
    Join(Subject, GroupName),
    /// Leave a group; not being a member is fine.
    Leave(Subject, GroupName),
    /// Leave every group.
    LeaveAll(Subject),
    /// Every connection that the filter selects (all, if there is none) joins the groups. The selection is made before the first change.
    JoinMatching(Arc<[GroupName]>, Option<Arc<Filter>>),
    /// Every connection that the filter selects leaves the groups.
    LeaveMatching(Arc<[GroupName]>, Option<Arc<Filter>>),
    /// Close the connections that are meant and end their sessions.
    Close {
        /// Who is meant.
        target: Target,
        /// Who is left out.
        excluded: Arc<[ConnectionId]>,
        /// What the clients are told; may be empty.
        reason: Arc<str>,
    },
    /// Allow a group to a connection. [`Reply::Missing`] or [`Reply::LimitReached`] where it fails.
    Grant(ConnectionId, Permission, GroupName),
    /// Deny a group to a connection. [`Reply::Missing`] or [`Reply::LimitReached`] where it fails.
    Revoke(ConnectionId, Permission, GroupName),
    /// May the connection? [`Reply::Done`] if so, [`Reply::Missing`] if not or if there is no such connection.
    Check(ConnectionId, Permission, GroupName),
    /// The members of a group in the order of their ids. Answers [`Reply::Members`].
    List {
        /// The group.
        group: GroupName,
        /// Only members whose id is greater.
        after: Option<ConnectionId>,
        /// At most so many.
        limit: usize,
    },
    /// Can the session still be recovered? Answers [`Reply::Session`] or [`Reply::Missing`].
    FindSession(ConnectionId),
    /// Why did a message reach somebody, or not? Answers [`Reply::Explained`].
    Explain(Inquiry),
    /// What is there, for a person to look at? Answers [`Reply::Surveyed`].
    Survey(Survey),
    /// Pack every reliable session, so that it can be taken elsewhere; it ends here without a word. Answers [`Reply::Packed`]. Never leaves
    /// its process.
    Pack,
    /// Tell what is to be kept elsewhere of sessions that have changed. Answers [`Reply::Recorded`]. Never leaves its process.
    Record,
    /// Take a session in that was packed elsewhere. Never leaves its process.
    Unpack(Arc<Luggage>),
}

/// The shards that a command must reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The one shard that owns the connection.
    Owner(ConnectionId),
    /// Every shard.
    All,
}

impl Command {
    /// The shards that the command must reach.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Exists(Target::Connection(id))
            | Self::Close { target: Target::Connection(id), .. }
            | Self::Join(Subject::Connection(id), _)
            | Self::Leave(Subject::Connection(id), _)
            | Self::LeaveAll(Subject::Connection(id))
            | Self::Grant(id, ..)
            | Self::Revoke(id, ..)
            | Self::Check(id, ..)
            | Self::FindSession(id)
            | Self::Explain(Inquiry { subject: Target::Connection(id), .. })
            | Self::Survey(Survey::Connections(Target::Connection(id), _)) => Scope::Owner(*id),
            Self::Unpack(luggage) => Scope::Owner(luggage.id),
            _ => Scope::All,
        }
    }
}

/// One member of a group, as listings show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The connection.
    pub connection: ConnectionId,
    /// Its user, if it has one.
    pub user: Option<UserId>,
}

/// What came of a [`Command`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It took effect, or the answer is yes.
    Done,
    /// There is no such connection, user or group, or the answer is no.
    Missing,
    /// The connection has as many literal permissions, or is in as many groups, as it may.
    LimitReached,
    /// A page of members, ordered by connection id.
    Members(Vec<Member>),
    /// A recoverable session and the subprotocol that its client first offered, as the client spelled it.
    Session {
        /// The subprotocol to echo.
        subprotocol: Arc<str>,
        /// Whose session it is.
        user: Option<UserId>,
    },
    /// Why a message reached somebody, or not.
    Explained(Explanations),
    /// What was found.
    Surveyed(Box<Findings>),
    /// Sessions that have left.
    Packed(Vec<Luggage>),
    /// What is to be kept of sessions that have changed.
    Recorded(Vec<Luggage>),
}

impl Reply {
    /// Combines the answers of two shards to the same command.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::LimitReached, _) | (_, Self::LimitReached) => Self::LimitReached,
            (Self::Members(mut left), Self::Members(right)) => {
                left.extend(right);
                Self::Members(left)
            }
            (Self::Explained(mut left), Self::Explained(right)) => {
                left.items.extend(right.items);
                left.more += right.more;
                Self::Explained(left)
            }
            (Self::Surveyed(mut left), Self::Surveyed(right)) => {
                left.merge(*right);
                Self::Surveyed(left)
            }
            (Self::Packed(mut left), Self::Packed(right)) => {
                left.extend(right);
                Self::Packed(left)
            }
            (Self::Recorded(mut left), Self::Recorded(right)) => {
                left.extend(right);
                Self::Recorded(left)
            }
            (Self::Missing, other) => other,
            (found, _) => found,
        }
    }
}
