use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use cookie_store::CookieStore;
use http::{HeaderMap, HeaderValue, Uri, header};
use hubwire_protocol::ConnectionId;
use url::Url;

/// Connections that may have cookies at a time. One more keeps none, which is counted.
const JARS_MAX: usize = 1_000_000;
/// Cookies of one connection, in bytes of all their `Set-Cookie` lines. What does not fit is dropped and counted.
const JAR_BYTES_MAX: usize = 16 << 10;

/// The cookies that handlers set for single connections. Hardly any handler does, so a connection without cookies costs nothing.
#[derive(Default)]
pub(crate) struct Cookies {
    jars: Mutex<HashMap<ConnectionId, Jar>>,
    count: AtomicUsize,
}

#[derive(Default)]
struct Jar {
    store: CookieStore,
    bytes: usize,
}

impl Cookies {
    /// The `Cookie` header for a call.
    pub(crate) fn header(&self, connection: ConnectionId, uri: &Uri) -> Option<HeaderValue> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let url = Url::parse(&uri.to_string()).ok()?;
        let jars = self.jars.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = jars.get(&connection)?.store.get_request_values(&url);
        let line = pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        HeaderValue::from_str(&line).ok().filter(|line| !line.is_empty())
    }

    /// Keeps what an answer sets.
    pub(crate) fn keep(&self, connection: ConnectionId, uri: &Uri, answer: &HeaderMap) {
        let mut lines = answer.get_all(header::SET_COOKIE).iter().peekable();
        if lines.peek().is_none() {
            return;
        }
        let Ok(url) = Url::parse(&uri.to_string()) else {
            return;
        };
        let mut jars = self.jars.lock().unwrap_or_else(PoisonError::into_inner);
        if jars.len() >= JARS_MAX && !jars.contains_key(&connection) {
            metrics::counter!("webpubsub_upstream_cookies_dropped_total").increment(1);
            return;
        }
        let jar = jars.entry(connection).or_default();
        for line in lines {
            let parsed = line.to_str().ok().filter(|line| jar.bytes + line.len() <= JAR_BYTES_MAX);
            if parsed.is_some_and(|line| jar.store.parse(line, &url).is_ok()) {
                jar.bytes += line.len();
            } else {
                metrics::counter!("webpubsub_upstream_cookies_dropped_total").increment(1);
                tracing::warn!(%connection, "a cookie of a handler is invalid, or too much, and is not kept");
            }
        }
        self.count.store(jars.len(), Ordering::Relaxed);
    }

    /// A connection has ended, and its last event has been told.
    pub(crate) fn forget(&self, connection: ConnectionId) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut jars = self.jars.lock().unwrap_or_else(PoisonError::into_inner);
        jars.remove(&connection);
        self.count.store(jars.len(), Ordering::Relaxed);
    }
}
