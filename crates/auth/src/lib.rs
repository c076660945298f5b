//! Who may do what: access keys, tokens, their audiences, and the permissions that roles give.
//!
//! Its nouns: the [`AccessKey`] and the [`ConnectionString`] that carries it; the [`Claims`] of a token after [`verify`] or
//! through a [`TokenCache`]; audiences ([`rest_audience_allows`], [`client_audience_allows`]); tokens made here
//! ([`issue_client_token`], [`issue_rest_token`]); the [`ReconnectionKey`]; and [`Permissions`] made of roles with
//! wildcard [`Pattern`]s.
//!
//! It must never know about sockets, HTTP messages, configuration files, a clock or a random source: the time and random
//! values are handed in, and tokens and keys never appear in what it prints.

mod access_key;
mod audience;
mod bearer;
mod claims;
mod connection_string;
mod error;
mod grade;
mod issue;
mod issuer_keys;
mod jwt;
mod lifetime;
mod pattern;
mod permission;
mod reconnection;
mod role;
mod rule_set;
mod token_cache;
mod verify;

pub use access_key::{
    ACCESS_KEY_BYTES_MAX, ACCESS_KEY_BYTES_MIN, AccessKey, AccessKeyError, AccessKeys, DEVELOPMENT_KEY,
};
pub use audience::{LEGACY_CLIENT_PATH, client_audience_allows, rest_audience_allows};
pub use bearer::bearer_token;
pub use claims::Claims;
pub use connection_string::{ConnectionString, ConnectionStringError};
pub use error::TokenError;
pub use grade::Grade;
pub use issue::{ClientToken, issue_client_token, issue_rest_token};
pub use issuer_keys::{IssuerKeys, is_of_issuer};
pub use lifetime::CLOCK_SKEW_S;
pub use pattern::{PATTERN_LENGTH_MAX, PATTERN_STARS_MAX, PATTERN_WILDCARDS_MAX, Pattern, PatternError};
pub use permission::{Permission, PermissionError, PermissionRule, Permissions, RuleGroups};
pub use reconnection::{RECONNECTION_LIFETIME_S, ReconnectionKey};
pub use role::{IgnoredRole, IgnoredRoleReason};
pub use rule_set::{LITERALS_MAX, LimitReached, PATTERNS_MAX};
pub use token_cache::{CACHED_TOKEN_BYTES_MAX, CACHED_TOKENS_MAX, TokenCache};
pub use verify::{TOKEN_BYTES_MAX, verify};
