use std::hash::{BuildHasher, RandomState};

use hubwire_protocol::HubName;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Names up to so many bytes are hashed without an allocation.
const JOINED_BYTES_MAX: usize = 256;

/// How names become the slots of a table of interests.
pub(crate) enum Hashing {
    /// Seeded at random, so that nobody can choose names that share a slot.
    Random(RandomState),
    /// The same in every node of a cluster, by its name; of any version, since xxHash is a standard. Whoever chooses names that share a slot
    /// makes nodes see envelopes that they have no recipients for, and nothing worse.
    Shared(u64),
}

impl Hashing {
    pub(crate) fn random() -> Self {
        Self::Random(RandomState::new())
    }

    pub(crate) fn shared(cluster: &str) -> Self {
        Self::Shared(xxh3_64(cluster.as_bytes()))
    }

    /// A number for a name of some kind within a hub.
    pub(crate) fn hash(&self, hub: &HubName, kind: u8, name: &str) -> u64 {
        match self {
            Self::Random(state) => state.hash_one((hub, kind, name)),
            Self::Shared(seed) => {
                // No hub has a line break in its name, so the parts cannot run into one another.
                let parts = [hub.as_str().as_bytes(), &[b'\n', kind], name.as_bytes()];
                let mut joined = [0; JOINED_BYTES_MAX];
                let bytes: usize = parts.iter().map(|part| part.len()).sum();
                if bytes > joined.len() {
                    return xxh3_64_with_seed(&parts.concat(), *seed);
                }
                let mut end = 0;
                for part in parts {
                    joined[end..end + part.len()].copy_from_slice(part);
                    end += part.len();
                }
                xxh3_64_with_seed(&joined[..end], *seed)
            }
        }
    }

    /// The greatest of some numbered candidates in the order that only this hash has: all who know the same candidates choose the same one,
    /// and a candidate that goes changes nothing for others than its own.
    pub(crate) fn choose(hash: u64, candidates: impl Iterator<Item = u32>) -> Option<u32> {
        let weight = |candidate: &u32| {
            let mut bytes = [0; 12];
            bytes[..8].copy_from_slice(&hash.to_le_bytes());
            bytes[8..].copy_from_slice(&candidate.to_le_bytes());
            (xxh3_64(&bytes), *candidate)
        };
        candidates.max_by_key(weight)
    }
}
