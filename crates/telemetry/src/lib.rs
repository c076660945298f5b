//! Telemetry: spans of distributed traces, as OpenTelemetry has them, on their way to a collector.
//!
//! Its nouns: a [`Collector`] is the observer that gives everything that happens a place in a trace and takes in what has ended; an [`Exporter`]
//! takes that to where the [`Settings`] say, over OTLP (HTTP with protobuf).
//!
//! It must never know payloads, tokens or keys; nor does it slow what it tells of: its queue is bounded, what does not fit is dropped and
//! counted, and a collector that is away is nobody else's trouble.

mod collector;
mod error;
mod exporter;
mod settings;
mod span_data;
mod transport;

pub use collector::{Collector, Environment};
pub use error::Error;
pub use exporter::Exporter;
pub use settings::Settings;
pub use transport::{Post, Posted};
