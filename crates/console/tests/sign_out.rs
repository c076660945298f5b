//! Signing out of the console of several nodes: who knows of it, and when.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{COOKIE, SET_COOKIE};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hubwire_auth::{AccessKey, AccessKeys};
use hubwire_console::{
    Access, Body, Clock, Console, ConsoleToken, CookieKeys, Desk, Gathered, Payloads, Peers, Settings,
};
use hubwire_hub::{Busy, Command, Envelope, Routed, Router, TraceContext};
use hubwire_protocol::HubName;

const TOKEN: &str = "a-token-of-the-tests";
/// After so long a node has asked the others again, in milliseconds.
const ASKED_AGAIN_MS: u64 = 10_001;

/// The same time for all nodes, and bits that are never the same.
struct TestClock {
    now_ms: AtomicU64,
    bits: AtomicU64,
}

impl Clock for TestClock {
    fn unix_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    fn monotonic_us(&self) -> u64 {
        0
    }

    fn random(&self) -> u128 {
        u128::from(self.bits.fetch_add(1, Ordering::Relaxed))
    }

    fn memory_bytes(&self) -> Option<u64> {
        None
    }
}

/// A service without connections.
struct Nowhere;

impl Router for Nowhere {
    fn publish(&self, _: Envelope) -> Result<(), Busy> {
        Ok(())
    }

    fn execute_for(&self, _: Option<TraceContext>, _: HubName, _: Command) -> Routed {
        unreachable!("nobody acts on connections here")
    }
}

/// The way from one node to another.
struct Way {
    other: OnceLock<Weak<Console>>,
    open: AtomicBool,
}

impl Peers for Way {
    fn node(&self) -> &str {
        "this"
    }

    fn standing(&self) -> serde_json::Value {
        serde_json::Value::Null
    }

    fn ask(&self, question: Bytes) -> Gathered<'_> {
        Box::pin(async move {
            let other = self.other.get().and_then(Weak::upgrade);
            let Some(other) = other else {
                return Vec::new();
            };
            let answer = match self.open.load(Ordering::Relaxed) {
                true => Some(other.answer_peer(&question).await).filter(|answer| !answer.is_empty()),
                false => None,
            };
            vec![("other".to_owned(), answer)]
        })
    }
}

/// One node.
struct Node {
    console: Arc<Console>,
    way: Arc<Way>,
}

/// Nodes, one after the other, that have the same settings.
struct Nodes {
    clock: Arc<TestClock>,
}

impl Nodes {
    fn new() -> Self {
        let clock = TestClock { now_ms: AtomicU64::new(1_764_000_000_000), bits: AtomicU64::new(1) };
        Self { clock: Arc::new(clock) }
    }

    /// Starts a node, a second after whatever was before.
    fn start(&self) -> Node {
        self.clock.now_ms.fetch_add(1_000, Ordering::Relaxed);
        let settings = Arc::new(ArcSwap::from_pointee(settings()));
        let (desk, _) = Desk::new(settings, self.clock.clone(), None);
        let way = Arc::new(Way { other: OnceLock::new(), open: AtomicBool::new(true) });
        let console = Console::new(desk, Arc::new(Nowhere), 1, Some(way.clone()));
        Node { console: Arc::new(console), way }
    }

    /// Two nodes that know each other and what there is to know.
    async fn pair(&self) -> (Node, Node) {
        let (one, other) = (self.start(), self.start());
        join(&one, &other);
        // Whoever is asked for a session by a browser has asked the other node before.
        for node in [&one, &other, &one] {
            assert_eq!(node.look("junk").await, StatusCode::UNAUTHORIZED);
        }
        self.clock.now_ms.fetch_add(1_000, Ordering::Relaxed);
        (one, other)
    }
}

fn join(one: &Node, other: &Node) {
    one.way.other.set(Arc::downgrade(&other.console)).unwrap();
    other.way.other.set(Arc::downgrade(&one.console)).unwrap();
}

fn settings() -> Settings {
    let primary = AccessKey::new("x".repeat(32)).unwrap();
    Settings {
        enabled: true,
        access: Access::Tokens { operator: Some(ConsoleToken::new(TOKEN.to_owned())), viewer: None },
        openid: None,
        payloads: Payloads::Hidden,
        recording: false,
        keys: AccessKeys { primary, secondary: None },
        cookie_keys: CookieKeys::new([7; 32], None),
        endpoint: "http://127.0.0.1:1".to_owned(),
        development_key: false,
    }
}

impl Node {
    async fn call(&self, method: &str, cookie: &str, body: &str) -> Response<Body> {
        let request = Request::builder()
            .method(method)
            .uri("/console/api/session")
            .header("x-hubwire-console", "1")
            .header(COOKIE, format!("hubwire_console={cookie}"))
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap();
        self.console.handle("http", request).await
    }

    /// What somebody with a cookie is answered.
    async fn look(&self, cookie: &str) -> StatusCode {
        self.call("GET", cookie, "").await.status()
    }

    async fn sign_in(&self) -> String {
        let response = self.call("POST", "", &format!(r#"{{"token":"{TOKEN}"}}"#)).await;
        let cookie = response.headers().get(SET_COOKIE).unwrap().to_str().unwrap();
        cookie.split(['=', ';']).nth(1).unwrap().to_owned()
    }

    async fn sign_out(&self, cookie: &str) {
        assert_eq!(self.call("DELETE", cookie, "").await.status(), StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn who_signs_out_at_one_node_is_out_at_all() {
    let (one, other) = Nodes::new().pair().await;
    let (session, stays) = (one.sign_in().await, other.sign_in().await);
    assert_eq!(other.look(&session).await, StatusCode::OK);
    one.sign_out(&session).await;
    assert_eq!(one.look(&session).await, StatusCode::UNAUTHORIZED);
    assert_eq!(other.look(&session).await, StatusCode::UNAUTHORIZED);
    assert_eq!(one.look(&stays).await, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_could_not_be_told_learns_it_within_ten_seconds_of_answering() {
    let (one, other) = Nodes::new().pair().await;
    let session = one.sign_in().await;
    let follower = other.console.clone();
    let following = tokio::spawn(async move { follower.follow_sign_outs().await });
    one.way.open.store(false, Ordering::Relaxed);
    other.way.open.store(false, Ordering::Relaxed);
    one.sign_out(&session).await;
    tokio::time::sleep(Duration::from_millis(ASKED_AGAIN_MS)).await;
    assert_eq!(other.look(&session).await, StatusCode::OK, "it cannot know");
    other.way.open.store(true, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(ASKED_AGAIN_MS)).await;
    assert_eq!(other.look(&session).await, StatusCode::UNAUTHORIZED);
    following.abort();
}

#[tokio::test]
async fn a_node_that_starts_later_knows_who_is_in_and_who_is_out() {
    let nodes = Nodes::new();
    let (one, _gone) = nodes.pair().await;
    let (session, out) = (one.sign_in().await, one.sign_in().await);
    one.sign_out(&out).await;
    let later = nodes.start();
    later.way.other.set(Arc::downgrade(&one.console)).unwrap();
    assert_eq!(later.look(&out).await, StatusCode::UNAUTHORIZED);
    assert_eq!(later.look(&session).await, StatusCode::OK);
}

#[tokio::test]
async fn a_node_that_nobody_answers_lets_nobody_in_who_signed_in_before() {
    let nodes = Nodes::new();
    let (one, _other) = nodes.pair().await;
    let session = one.sign_in().await;
    let alone = nodes.start();
    assert_eq!(alone.look(&session).await, StatusCode::UNAUTHORIZED);
    let anew = alone.sign_in().await;
    assert_eq!(alone.look(&anew).await, StatusCode::OK);
}

#[tokio::test]
async fn nodes_that_start_together_do_not_take_each_other_for_ones_that_know() {
    let nodes = Nodes::new();
    let (before, _other) = nodes.pair().await;
    let out = before.sign_in().await;
    before.sign_out(&out).await;
    let (one, other) = (nodes.start(), nodes.start());
    join(&one, &other);
    assert_eq!(one.look(&out).await, StatusCode::UNAUTHORIZED);
    assert_eq!(other.look(&out).await, StatusCode::UNAUTHORIZED);
}
