//! Who calls the data plane with a token of an OpenID Connect issuer, such as Microsoft Entra ID, and who signs in there as a person.
//!
//! Its nouns: an [`Issuer`] signs tokens with keys that it publishes, and that change; [`Settings`] say which callers are owners and which are
//! readers; a [`Grade`](hubwire_auth::Grade) is what a caller may do.
//! A [`SignIn`] sends people to the issuer and tells which [`Person`] has come back.
//!
//! It must never know about HTTP servers, routes or hubs: a token comes in, a grade goes out. Documents are fetched by whoever hands in a [`Fetch`], and
//! codes are exchanged by whoever hands in a [`Post`].

mod client_settings;
mod error;
mod grade;
mod issuer;
mod settings;
mod sign_in;

pub use client_settings::ClientSettings;
pub use error::Error;
pub use issuer::{Fetch, Fetched, Issuer};
pub use settings::Settings;
pub use sign_in::{Person, Post, Posted, SignIn, Ties};
