use std::sync::Arc;

use arc_swap::ArcSwap;
use hubwire_hub::{Event, Occurrence};
use hubwire_outbox::{Entry, Life, Outbox};
use prost::Message;

use crate::call::Memory;
use crate::cloud_event::CloudEvent;
use crate::cookies::Cookies;
use crate::settings::{HubUpstream, Settings};
use crate::validation::Validations;
use crate::{Environment, WorkerApplication};

/// The way to all applications, of the whole process.
#[derive(Clone)]
pub struct Upstream {
    pub(crate) shared: Arc<Shared>,
}

/// What everybody who calls applications shares.
pub(crate) struct Shared {
    pub(crate) settings: Arc<ArcSwap<Settings>>,
    pub(crate) memory: Memory,
    pub(crate) outbox: Arc<Outbox>,
}

impl Upstream {
    /// Calls whom the settings name, as they are at the time. What nobody waits for goes through the outbox.
    pub fn new(
        settings: Arc<ArcSwap<Settings>>,
        environment: Arc<dyn Environment>,
        outbox: Arc<Outbox>,
    ) -> Self {
        let memory = Memory { validations: Validations::default(), cookies: Cookies::default(), environment };
        Self { shared: Arc::new(Shared { settings, memory, outbox }) }
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

    /// Puts events into the outbox for everybody who takes them.
    pub(crate) fn store(&self, events: &[Event]) {
        let settings = self.settings.load();
        let mut entries = Vec::new();
        for event in events {
            self.entries(settings.hub(&event.hub), event, &mut entries);
        }
        let refused = self.outbox.append(entries);
        if refused > 0 {
            tracing::error!(
                refused,
                "events are lost: the event outbox is full (limits event_outbox_entries_max and event_outbox_bytes_max), or cannot be written"
            );
        }
    }

    fn entries(&self, hub: &HubUpstream, event: &Event, entries: &mut Vec<Entry>) {
        let random = || self.memory.environment.random();
        let entry = |destination: &Arc<str>, told: &CloudEvent, life: Life| Entry {
            destination: destination.clone(),
            lane: event.connection.bits(),
            raised_ms: event.raised_ms,
            body: told.encode_to_vec().into(),
            life,
        };
        let handler = hub.handler(&event.occurrence);
        if let Some(handler) = handler {
            let ends = matches!(event.occurrence, Occurrence::Disconnected { .. });
            let life = if ends { Life::Ends } else { Life::None };
            entries.push(entry(&handler.destination, &CloudEvent::of(event, random()), life));
        }
        match event.occurrence {
            Occurrence::Connected => {
                if let Some(handler) = hub.handlers.iter().find(|handler| handler.system_events.disconnected)
                {
                    let farewell = CloudEvent::farewell(event, random());
                    entries.push(entry(&handler.destination, &farewell, Life::Begins));
                }
            }
            // Otherwise they are needed once more, to tell it.
            Occurrence::Disconnected { .. } if handler.is_none() => {
                self.memory.cookies.forget(event.connection)
            }
            _ => {}
        }
    }
}
