use std::sync::Arc;

use hubwire_hub::{Busy, HubPaces, Load};
use hubwire_protocol::HubName;

use crate::error::Error;
use crate::operation::Operation;
use crate::options::Options;

/// What decides whether there is room for another call.
#[derive(Debug, Clone)]
pub struct Intake {
    /// The worker whose calls these are.
    pub worker: u8,
    /// How strained it is.
    pub load: Arc<Load>,
    /// How fast each hub is called, by all workers.
    pub paces: Arc<HubPaces>,
}

impl Intake {
    /// Turns a call away while the service is strained, unless it frees something.
    ///
    /// # Errors
    /// [`Error::Busy`], with the strain.
    pub(crate) fn check_load(&self, operation: Operation) -> Result<(), Error> {
        match self.load.strain(self.worker) {
            Some(strain) if !operation.frees() => {
                metrics::counter!("webpubsub_shed_total", "strain" => strain.name(), "work" => "call")
                    .increment(1);
                Err(Busy::Strained(strain).into())
            }
            _ => Ok(()),
        }
    }

    /// Counts a call of a hub.
    ///
    /// # Errors
    /// [`Error::Pace`] if the hub is called faster than it may be.
    pub(crate) fn check_pace(&self, options: &Options, hub: &HubName, now_us: u64) -> Result<(), Error> {
        match options.calls_per_hub_per_s_max {
            Some(per_s) if !self.paces.of(hub).try_pass(per_s, now_us) => {
                metrics::counter!("webpubsub_calls_refused_total").increment(1);
                Err(Error::Pace)
            }
            _ => Ok(()),
        }
    }
}
