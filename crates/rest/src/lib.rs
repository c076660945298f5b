//! The REST data plane: what application servers call to publish and to manage connections, groups, users and permissions.
//!
//! Its nouns: [`Rest`] answers one request; its [`Options`] can be replaced while it runs; a [`Clock`] is handed in; its [`Intake`] tells whether
//! there is room for another call. Within, a request
//! is matched to an operation, becomes a call, and ends as a success or as an error in words; there is one file for each resource.
//!
//! It must never know about sockets, listeners, TLS, workers or the state of a hub: requests come in as values, and everything that
//! happens goes through [`hubwire_hub::Router`].

mod authorization;
mod body;
mod call;
mod charset;
mod connections;
mod content_type;
mod error;
mod groups;
mod health;
mod identity;
mod intake;
mod members;
mod membership;
mod metadata;
mod observed;
mod operation;
mod options;
mod paging;
mod path;
mod permissions;
mod publish;
mod query;
mod response;
mod rest;
mod route;
mod success;
mod tally;
mod token;
mod users;
mod version;

pub use identity::{Identified, Identity, IdentityError};
pub use intake::Intake;
pub use options::{Clock, Options};
pub use rest::Rest;
