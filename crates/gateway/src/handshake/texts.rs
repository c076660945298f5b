use std::cell::RefCell;
use std::sync::Arc;

use hubwire_protocol::Subprotocol;

/// Texts that nearly all connections have in common, so that a worker keeps each of them once and not per connection.
pub(crate) struct Texts {
    subprotocols: [Arc<str>; 4],
    /// The host that was asked for last.
    origin: RefCell<Arc<str>>,
}

impl Default for Texts {
    fn default() -> Self {
        let subprotocols = Subprotocol::ALL.map(|known| known.name().into());
        Self { subprotocols, origin: RefCell::new("".into()) }
    }
}

impl Texts {
    /// A subprotocol as its client spelled it.
    pub(super) fn subprotocol(&self, spelling: &str) -> Arc<str> {
        let known = self.subprotocols.iter().find(|known| ***known == *spelling);
        known.cloned().unwrap_or_else(|| spelling.into())
    }

    /// The host that a client asked for.
    pub(super) fn origin(&self, host: &str) -> Arc<str> {
        let mut last = self.origin.borrow_mut();
        if **last != *host {
            *last = host.into();
        }
        last.clone()
    }
}
