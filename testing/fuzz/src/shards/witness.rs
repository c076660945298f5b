use hubwire_hub::{ConnectionKey, Ending, Opening, Protocol};
use hubwire_protocol::{ConnectionId, HubName, Subprotocol};

use super::exchange::SHARDS;
use super::worker::Worker;

/// A reliable client of one shard that reads and acknowledges everything at once: it must miss nothing that its hub is sent.
pub(super) struct Witness {
    key: ConnectionKey,
    pub(super) id: ConnectionId,
}

impl Witness {
    /// The first connection of a shard.
    pub(super) fn open(worker: &mut Worker, shard: usize, hub: &HubName) -> Self {
        let id = ConnectionId::new((u128::MAX >> 8) << 8, shard as u8);
        let subprotocol = Subprotocol::JsonReliable;
        let key = worker.connect(
            Opening {
                id,
                hub: hub.clone(),
                user: None,
                permissions: hubwire_auth::Permissions::default(),
                groups: Vec::new(),
                protocol: Protocol::PubSub(subprotocol),
                subprotocol: Some(subprotocol.name().into()),
                reconnection_token: Some("token".to_owned()),
                origin: "localhost".into(),
                state: None,
            },
            Some(subprotocol),
        );
        Self { key, id }
    }

    /// Reads what waits for it, and says so.
    pub(super) fn read(&self, worker: &mut Worker, now_ms: u64) {
        worker.flush(&[self.key], usize::MAX, false, now_ms);
        let heard = worker.clients.get(&self.key).expect("nobody closes a witness").heard();
        worker.shard.request(self.key, hubwire_protocol::Request::SequenceAck(heard), now_ms);
    }

    /// All announcements so far, in their order and none twice.
    pub(super) fn check(&self, worker: &Worker, announcements: usize) {
        let heard = worker.clients[&self.key].announcements();
        assert!(
            heard.iter().copied().eq(1..=announcements),
            "of {announcements} these were heard: {heard:?}"
        );
    }

    pub(super) fn leave(&self, worker: &mut Worker, now_ms: u64) {
        worker.lose(self.key, Ending::Normal(String::new()), now_ms);
    }

    /// The witnesses of all shards.
    pub(super) fn all(workers: &mut [Worker; SHARDS], hub: &HubName) -> [Self; SHARDS] {
        std::array::from_fn(|shard| Self::open(&mut workers[shard], shard, hub))
    }
}
