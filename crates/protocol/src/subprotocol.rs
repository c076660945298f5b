/// A subprotocol that the service itself speaks; a client without one of these is a simple client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subprotocol {
    /// `json.webpubsub.azure.v1`: delivered at most once.
    Json,
    /// `json.reliable.webpubsub.azure.v1`: numbered, acknowledged and recoverable.
    JsonReliable,
}

impl Subprotocol {
    const ALL: [Self; 2] = [Self::Json, Self::JsonReliable];

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json.webpubsub.azure.v1",
            Self::JsonReliable => "json.reliable.webpubsub.azure.v1",
        }
    }

    /// Finds the subprotocol that a client offered; spelling may differ in case.
    pub fn from_offer(offer: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(offer))
    }

    /// Whether a session of this subprotocol outlives its socket.
    pub fn is_reliable(self) -> bool {
        matches!(self, Self::JsonReliable)
    }
}
