//! Instructions for checking a token that is new, and one that is known. A limit is a tenth above what was counted when it was set.
#![allow(missing_docs, reason = "the macros make public items of the benches")]

use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group, main};
use hubwire_auth::{AccessKey, AccessKeys, DEVELOPMENT_KEY, TokenCache, issue_rest_token, verify};
use hubwire_instructions::limit;

/// When the tokens were made, in seconds since 1970.
const NOW_S: u64 = 1_764_000_000;
const AUDIENCE: &str = "http://127.0.0.1:8080/api/hubs/chat/groups/room/:send";

/// Keys, a cache that knows a token, and that token.
fn known() -> (AccessKeys, TokenCache, String) {
    let key = AccessKey::new(DEVELOPMENT_KEY).expect("the key is valid");
    let token = issue_rest_token(&key, AUDIENCE, NOW_S, NOW_S + 3600).expect("the token can be signed");
    let (keys, mut cache) = (AccessKeys { primary: key, secondary: None }, TokenCache::new());
    cache.verify(&keys, 1, &token, NOW_S).expect("the token is valid");
    (keys, cache, token)
}

#[library_benchmark]
#[bench::rest(args = (known()), config = limit(35_100))]
fn verify_new((keys, cache, token): (AccessKeys, TokenCache, String)) -> (bool, TokenCache) {
    (verify(&keys, black_box(&token), NOW_S).is_ok(), cache)
}

#[library_benchmark]
#[bench::rest(args = (known()), config = limit(1190))]
fn verify_known((keys, mut cache, token): (AccessKeys, TokenCache, String)) -> (bool, TokenCache) {
    (cache.verify(&keys, 1, black_box(&token), NOW_S).is_ok(), cache)
}

library_benchmark_group!(name = token, benchmarks = [verify_new, verify_known]);
main!(library_benchmark_groups = token);
