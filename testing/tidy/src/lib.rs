//! The code base as data, for the tests that check its rules.
//!
//! Its nouns: the [`Tree`] of files that belong to the project, a [`RustFile`] and its [`Function`]s, a [`Manifest`], and
//! [`Offenders`], which say what breaks a rule and where.
//!
//! It must never know a rule: those are in the tests, one each. It depends on no other crate of the workspace, so that it also runs
//! when they do not compile.

mod manifest;
mod offenders;
mod rust_file;
mod tree;

pub use manifest::Manifest;
pub use offenders::Offenders;
pub use rust_file::{Function, RustFile};
pub use tree::Tree;
