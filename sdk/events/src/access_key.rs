use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;

use crate::Error;
use crate::origin::Origin;

/// A key of the service, to verify signatures with. Its text is never shown again.
#[derive(Clone)]
pub struct AccessKey(Arc<hmac::Key>);

impl AccessKey {
    /// The key as the portal, or Hubwire's configuration, shows it: the text itself is the key, nothing is decoded.
    ///
    /// # Errors
    /// [`Error::InvalidAccessKey`] if it is empty.
    pub fn new(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::InvalidAccessKey);
        }
        Ok(Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes()))))
    }

    /// Whether `tag` is this key's HMAC-SHA256 of `message`, compared in constant time.
    pub(crate) fn signed(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, message, tag).is_ok()
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AccessKey(..)")
    }
}

/// Where access keys come from that may change while the application runs, or that are not known before a request arrives.
///
/// Every function from an origin and a hub to a list of keys is one. It is called once for each event and must not block; keep the keys in
/// memory and replace them there.
///
/// ```
/// use std::sync::{Arc, RwLock};
/// use webpubsub_events::{AccessKey, Webhook};
/// # struct Chat;
/// # impl webpubsub_events::EventHandler for Chat {}
///
/// let keys = Arc::new(RwLock::new(vec![AccessKey::new("the key of today")?]));
/// let current = keys.clone();
/// let webhook = Webhook::builder("chat")
///     .access_key_source(move |_origin: &str, _hub: &str| current.read().map(|keys| keys.clone()).unwrap_or_default())
///     .build(Chat)?;
/// # Ok::<_, webpubsub_events::Error>(())
/// ```
pub trait AccessKeySource: Send + Sync + 'static {
    /// The keys that an event from `origin` (the value of `WebHook-Request-Origin`: a host, normally without a port) about `hub` may be
    /// signed with. No key means that no signature can be right.
    fn access_keys(&self, origin: &str, hub: &str) -> Vec<AccessKey>;
}

impl<F> AccessKeySource for F
where
    F: Fn(&str, &str) -> Vec<AccessKey> + Send + Sync + 'static,
{
    fn access_keys(&self, origin: &str, hub: &str) -> Vec<AccessKey> {
        self(origin, hub)
    }
}

/// All keys that were given, by where they count.
#[derive(Clone, Default)]
pub(crate) struct AccessKeys {
    anywhere: Vec<AccessKey>,
    by_host: BTreeMap<String, Vec<AccessKey>>,
    source: Option<Arc<dyn AccessKeySource>>,
}

impl AccessKeys {
    pub(crate) fn is_empty(&self) -> bool {
        self.anywhere.is_empty() && self.by_host.is_empty() && self.source.is_none()
    }

    pub(crate) fn add(&mut self, key: AccessKey) {
        self.anywhere.push(key);
    }

    pub(crate) fn add_for(&mut self, endpoint: &Origin, key: AccessKey) {
        self.by_host.entry(host_key(endpoint)).or_default().push(key);
    }

    pub(crate) fn set_source(&mut self, source: Arc<dyn AccessKeySource>) {
        self.source = Some(source);
    }

    /// The keys that count for an origin and a hub.
    pub(crate) fn of(&self, origin: &str, hub: &str) -> Vec<AccessKey> {
        let mut keys = self.anywhere.clone();
        keys.extend(self.by_host.get(&host_key(&Origin::of_header(origin))).into_iter().flatten().cloned());
        keys.extend(self.source.iter().flat_map(|source| source.access_keys(origin, hub)));
        keys
    }
}

/// All names of this machine are one. A local service is told by its connection string as `127.0.0.1`, say, while it calls itself
/// `localhost` if its client did.
fn host_key(origin: &Origin) -> String {
    match origin.host() {
        "127.0.0.1" | "[::1]" | "::1" => "localhost".to_owned(),
        host => host.to_owned(),
    }
}
