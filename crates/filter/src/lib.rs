//! The `filter` expressions that select connections, a subset of OData: read once, checked once, evaluated
//! per connection.
//!
//! Its nouns:
//! - [`Filter`]: a compiled filter; what the rest of the workspace holds.
//! - [`Subject`]: what a filter may know about one connection.
//! - [`Error`]: why a text is no filter, in the words the service uses. [`Type`] names the types in them.
//!
//! Inside: text -> `lexer` -> `parser` -> `expression` (a tree) -> `check` (one trial evaluation) ->
//! `evaluate`.
//!
//! It must never know hubs, transports, requests, or how connections are stored.

mod call;
mod check;
mod error;
mod evaluate;
mod expression;
mod fault;
mod filter;
mod lexer;
mod parser;
mod print;
mod subject;
mod text;
mod value;
mod values;

pub use error::Error;
pub use filter::{EXPRESSION_DEPTH_MAX, FILTER_BYTES_MAX, Filter};
pub use subject::Subject;
pub use value::Type;
