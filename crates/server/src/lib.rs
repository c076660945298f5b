//! Assembly: from configuration to running workers, and back to a stopped process.
//!
//! Its nouns: [`Overrides`] are what flags and environment say; [`Config`] is what results from them and the file; a [`Server`] starts
//! and is then [`Running`], until it drains and stops. A library, so that tests and other programs can embed the service.
//!
//! It must never know behaviour that a client could see: that belongs to the parts that it joins.

mod banner;
mod clock;
mod cluster;
mod config;
mod console_provider;
mod control;
mod cookie_keys;
mod derived_key;
mod descriptors;
mod diagnosis;
mod endpoint;
mod error;
mod fallback;
mod identity;
mod metrics;
mod overload;
mod reload;
mod server;
mod side_thread;
mod telemetry;

pub use cluster::{NodeReport, nodes};
pub use config::{
    ClusterConfig, Config, ConfigError, ConsoleConfig, Entra, LIMITS, Limit, LimitValues, OpenIdConfig,
    Overrides, TelemetryConfig, Tls,
};
pub use diagnosis::{Diagnosis, diagnose};
pub use endpoint::Endpoint;
pub use error::Error;
pub use server::{Running, Server};
