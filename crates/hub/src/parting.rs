use crate::{Entry, Event};

/// The end of a connection that is kept elsewhere, and what is left to be done about it, whatever becomes of its process.
#[derive(Debug, Clone)]
pub struct Parting {
    /// That it has ended.
    pub end: Event,
    /// Whether its application is told without that: of a plain publisher by its own process, also when that starts again.
    pub is_told: bool,
    /// What it leaves to be said: the ends of its streams.
    pub farewells: Vec<Entry>,
}
