use std::sync::Arc;

use hubwire_protocol::HubName;
use hubwire_upstream::{Doctor, Step};

use crate::Config;
use crate::clock::SystemEnvironment;

/// What came of examining one event handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// The handler's URL template, without its query.
    pub handler: String,
    /// What it was sent, and what it answered.
    pub steps: Vec<Step>,
}

/// Calls every event handler of a hub as the service would, one after the other. `event` is sent in place of one that the handler takes.
pub async fn diagnose(config: &Config, hub: &HubName, event: Option<&str>) -> Vec<Diagnosis> {
    let doctor =
        Doctor { settings: &config.upstream, hub, environment: Arc::new(SystemEnvironment::new(None)) };
    let mut diagnoses = Vec::new();
    for handler in &config.upstream.hub(hub).handlers {
        let steps = doctor.examine(handler, event).await;
        diagnoses.push(Diagnosis { handler: handler.name().to_owned(), steps });
    }
    diagnoses
}
