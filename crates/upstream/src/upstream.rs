use std::sync::Arc;

use arc_swap::ArcSwap;
use hubwire_hub::Event;

use crate::call::Memory;
use crate::cloud_event::CloudEvent;
use crate::cookies::Cookies;
use crate::settings::{HubUpstream, Settings};
use crate::validation::Validations;
use crate::{Environment, WorkerApplication};

/// The way to all applications, of the whole process.
#[derive(Clone)]
pub struct Upstream {
    shared: Arc<Shared>,
}

/// What everybody who calls applications shares.
pub(crate) struct Shared {
    pub(crate) settings: Arc<ArcSwap<Settings>>,
    pub(crate) memory: Memory,
}

impl Upstream {
    /// Calls whom the settings name, as they are at the time.
    pub fn new(settings: Arc<ArcSwap<Settings>>, environment: Arc<dyn Environment>) -> Self {
        let memory = Memory { validations: Validations::default(), cookies: Cookies::default(), environment };
        Self { shared: Arc::new(Shared { settings, memory }) }
    }

    /// The application as one worker calls it.
    pub fn application(&self) -> WorkerApplication {
        WorkerApplication::new(self.shared.clone())
    }
}

impl Shared {
    pub(crate) fn tell_listeners(&self, _hub: &HubUpstream, _event: &Event, _told: &CloudEvent) -> bool {
        false
    }

    pub(crate) fn store(&self, _events: &[Event]) {}
}
