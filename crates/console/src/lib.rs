//! The console: a page and an API through which people see what the service does, learn why a message did not arrive, and act on it.
//!
//! Its nouns: the [`Desk`] takes in the facts and counts of all parts and keeps the latest; its [`Clerk`] does the work of that on a thread of its
//! own. A viewer follows the desk over a stream of events. The [`Console`] answers requests. [`Settings`] say who gets in and what is shown; the
//! [`Clock`] is handed in.
//!
//! It must never know about sockets, listeners, workers or how a hub keeps its state: requests come in as values, what happens comes in as
//! facts, and everything that is done goes through [`hubwire_hub::Router`].

mod access;
mod act;
mod answer;
mod api;
mod assets;
mod browse;
mod clerk;
mod client_url;
mod console;
mod counts;
mod desk;
mod detail;
mod entry;
mod error;
mod history;
mod interest;
mod live;
mod message;
mod openid;
mod parameters;
mod peers;
mod provider;
mod revocations;
mod seal;
mod sentence;
mod series;
mod session;
mod settings;
mod sign_out;
mod stream;
mod verdict;
mod viewer;
mod why;

pub use answer::Body;
pub use clerk::Clerk;
pub use console::Console;
pub use desk::Desk;
pub use openid::CALLBACK_PATH;
pub use peers::{Gathered, Peers};
pub use provider::{OpenId, Person, Provider, ProviderError, Told};
pub use seal::CookieKeys;
pub use settings::{Access, Clock, ConsoleToken, Payloads, Settings};
