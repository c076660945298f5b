use std::sync::Arc;

use hubwire_auth::Permissions;
use hubwire_hub::{Command, ConnectionKey, Envelope, Limits, Opening, Protocol, Shard, Subject, Target};
use hubwire_protocol::{ConnectionId, GroupName, HubName, Subprotocol, UserId};

use crate::frames::{group, message};

/// A shard whose connections are all members of one group.
pub struct Room {
    /// The shard.
    pub shard: Shard,
    /// Its connections.
    pub members: Vec<ConnectionKey>,
    envelope: Envelope,
    flushing: Vec<ConnectionKey>,
}

/// A room of so many members that speak one protocol, who have taken what they were greeted with.
pub fn crowd(members: u32, protocol: Subprotocol) -> Room {
    let mut shard = Shard::new(Arc::new(Limits::default()));
    let members: Vec<_> = (0..members).map(|number| shard.connect(opening(number, protocol))).collect();
    let envelope = Envelope::new(hub(), Target::Group(group()), message());
    let mut room = Room { shard, members, envelope, flushing: Vec::new() };
    room.flush();
    // The first publish makes what later ones find.
    room.publish();
    room.flush();
    room
}

impl Room {
    /// Publishes one message to all members.
    pub fn publish(&mut self) {
        self.shard.publish(&self.envelope, 0);
    }

    /// Takes everything that waits, as sockets that never block would; answers how many frames it were.
    pub fn flush(&mut self) -> usize {
        self.shard.take_effects();
        self.shard.take_flushes(usize::MAX, &mut self.flushing);
        let mut frames = 0;
        for key in self.flushing.drain(..) {
            if let Some(outbox) = self.shard.outbox(key, 0) {
                frames += outbox.len();
                outbox.written(outbox.len(), false);
            }
        }
        frames
    }

    /// A member joins so many groups.
    pub fn join(&mut self, groups: u32) {
        for number in 0..groups {
            let group = GroupName::parse(&format!("g{number}")).expect("the name is valid");
            let subject = Subject::Connection(ConnectionId::new(0, 0));
            self.shard.execute(&hub(), &Command::Join(subject, group));
        }
    }
}

fn hub() -> HubName {
    HubName::parse("chat").expect("the name is valid")
}

fn opening(number: u32, protocol: Subprotocol) -> Opening {
    Opening {
        id: ConnectionId::new(u128::from(number) << 8, 0),
        hub: hub(),
        user: Some(UserId::from_token(&format!("user{number}"))),
        permissions: Permissions::default(),
        groups: vec![group()],
        protocol: Protocol::PubSub(protocol),
        subprotocol: Some(protocol.name().into()),
        reconnection_token: None,
        origin: "localhost".into(),
        state: None,
    }
}
