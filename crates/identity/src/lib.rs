//! Who calls the data plane with a token of an OpenID Connect issuer, such as Microsoft Entra ID.
//!
//! Its nouns: an [`Issuer`] signs tokens with keys that it publishes, and that change; [`Settings`] say which callers are owners and which are
//! readers; a [`Grade`](hubwire_auth::Grade) is what a caller may do.
//!
//! It must never know about HTTP servers, routes or hubs: a token comes in, a grade goes out. Documents are fetched by whoever hands in a [`Fetch`].

mod error;
mod grade;
mod issuer;
mod settings;

pub use error::Error;
pub use issuer::{Fetch, Fetched, Issuer};
pub use settings::Settings;
