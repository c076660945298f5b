use std::ops::Deref;

use crate::ConnectionKey;

/// The connections of one user. Most users have one, which is kept in place.
#[derive(Debug, Clone)]
pub(crate) enum UserConnections {
    One(ConnectionKey),
    /// Two or more.
    #[expect(clippy::box_collection, reason = "it keeps the usual case at half the size")]
    Several(Box<Vec<ConnectionKey>>),
}

impl UserConnections {
    /// Appends a connection, and answers where it stands.
    pub(crate) fn push(&mut self, key: ConnectionKey) -> usize {
        match self {
            Self::One(first) => {
                *self = Self::Several(Box::new(vec![*first, key]));
                1
            }
            Self::Several(keys) => {
                keys.push(key);
                keys.len() - 1
            }
        }
    }

    /// Takes one of several away, whose place the last one takes. The only one stays: its user is forgotten as a whole.
    pub(crate) fn swap_remove(&mut self, position: usize) {
        if let Self::Several(keys) = self {
            keys.swap_remove(position);
            if let [only] = keys[..] {
                *self = Self::One(only);
            }
        }
    }
}

impl Deref for UserConnections {
    type Target = [ConnectionKey];

    fn deref(&self) -> &[ConnectionKey] {
        match self {
            Self::One(key) => std::slice::from_ref(key),
            Self::Several(keys) => keys,
        }
    }
}
