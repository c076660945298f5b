use std::fmt;

/// Where spans go, and which.
#[derive(Clone, PartialEq)]
pub struct Settings {
    /// The base URL of a collector that speaks OTLP over HTTP, such as `http://127.0.0.1:4318`; `/v1/traces` is added.
    pub endpoint: String,
    /// Headers of every export, names and values. They may hold secrets.
    pub headers: Vec<(String, String)>,
    /// The part of the traces that begin here and are kept, from 0 to 1. Of a trace that came with a request, its caller has decided.
    pub sampling_ratio: f64,
    /// What the service is called in traces.
    pub service_name: String,
    /// What tells this process from others of the same name.
    pub instance: String,
}

impl fmt::Debug for Settings {
    /// Headers stay out of whatever prints this.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Settings");
        shown.field("endpoint", &self.endpoint).field("headers", &"redacted");
        shown.field("sampling_ratio", &self.sampling_ratio).field("service_name", &self.service_name);
        shown.field("instance", &self.instance).finish()
    }
}
