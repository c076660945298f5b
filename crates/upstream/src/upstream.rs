use std::sync::Arc;

use arc_swap::ArcSwap;
use hubwire_hub::{Event, Observer, Occurrence};
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
        observer: Arc<dyn Observer>,
    ) -> Self {
        let (validations, cookies) = (Validations::default(), Cookies::default());
        let memory = Memory { validations, cookies, environment, observer };
        Self { shared: Arc::new(Shared { settings, memory, outbox }) }
    }

    /// The application as one worker calls it.
    pub fn application(&self) -> WorkerApplication {
        WorkerApplication::new(self.shared.clone())
    }
}

impl Shared {
    /// Puts a user event into the outbox for every listener that hears of it. `false` if none does.
    pub(crate) fn tell_listeners(&self, hub: &HubUpstream, event: &Event, told: &CloudEvent) -> bool {
        let listeners = hub.listeners.iter().filter(|listener| listener.hears(&event.occurrence));
        let entries: Vec<_> =
            listeners.map(|listener| entry(&listener.destination, event, told, Life::None)).collect();
        if entries.is_empty() {
            return false;
        }
        self.keep(entries);
        true
    }

    /// Puts events into the outbox for everybody who takes them.
    pub(crate) fn store(&self, events: &[Event]) {
        let settings = self.settings.load();
        let mut entries = Vec::new();
        for event in events {
            self.entries(settings.hub(&event.hub), event, &mut entries);
        }
        self.keep(entries);
    }

    /// A session goes on elsewhere, which tells its end, or here.
    pub(crate) fn note_move(&self, event: &Event, arrived: bool) {
        let (settings, mut entries) = (self.settings.load(), Vec::new());
        let life = if arrived { Life::Begins } else { Life::Moves };
        self.farewells(settings.hub(&event.hub), event, &life, &mut entries);
        if !entries.is_empty() {
            self.keep(entries);
        }
    }

    fn keep(&self, entries: Vec<Entry>) {
        let refused = self.outbox.append(entries);
        if refused > 0 {
            tracing::error!(
                refused,
                "events are lost: the event outbox is full (limits event_outbox_entries_max and event_outbox_bytes_max), or cannot be written"
            );
        }
    }

    fn entries(&self, hub: &HubUpstream, event: &Event, entries: &mut Vec<Entry>) {
        let handler = hub.handler(&event.occurrence).map(|handler| &handler.destination);
        let listeners = hub.listeners.iter().filter(|listener| listener.hears(&event.occurrence));
        let ends = matches!(event.occurrence, Occurrence::Disconnected { .. });
        let life = if ends { Life::Ends } else { Life::None };
        let mut told = None;
        for destination in handler.into_iter().chain(listeners.map(|listener| &listener.destination)) {
            let told = told.get_or_insert_with(|| CloudEvent::of(event, self.memory.environment.random()));
            entries.push(entry(destination, event, told, life.clone()));
        }
        match event.occurrence {
            Occurrence::Connected => self.farewells(hub, event, &Life::Begins, entries),
            // Otherwise they are needed once more, to tell it.
            Occurrence::Disconnected { .. } if handler.is_none() => {
                self.memory.cookies.forget(event.connection)
            }
            _ => {}
        }
    }

    /// What everybody who hears of ends is told if the service does not live to tell this one.
    fn farewells(&self, hub: &HubUpstream, event: &Event, life: &Life, entries: &mut Vec<Entry>) {
        let handler = hub.handlers.iter().find(|handler| handler.system_events.disconnected);
        let listeners = hub.listeners.iter().filter(|listener| listener.disconnected);
        let mut destinations = handler
            .map(|handler| &handler.destination)
            .into_iter()
            .chain(listeners.map(|listener| &listener.destination))
            .peekable();
        if destinations.peek().is_none() {
            return;
        }
        let farewell = CloudEvent::farewell(event, self.memory.environment.random());
        entries.extend(destinations.map(|destination| entry(destination, event, &farewell, life.clone())));
    }
}

fn entry(destination: &Arc<str>, event: &Event, told: &CloudEvent, life: Life) -> Entry {
    Entry {
        destination: destination.clone(),
        lane: event.connection.bits(),
        raised_ms: event.raised_ms,
        body: told.encode_to_vec().into(),
        life,
    }
}
