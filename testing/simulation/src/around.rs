use rand::rngs::StdRng;

use crate::model::Model;
use crate::plan::Plan;
use crate::router::Router;
use crate::wire::Wire;

/// What everybody in the world can reach.
pub(crate) struct Around {
    pub(crate) now_ms: u64,
    pub(crate) rng: StdRng,
    pub(crate) plan: Plan,
    pub(crate) wires: Vec<Wire>,
    pub(crate) router: Router,
    pub(crate) model: Model,
    /// Whether the end has come: no more faults, no more requests, only what is needed to come to rest.
    pub(crate) calm: bool,
}
