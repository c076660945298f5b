use std::fmt;
use std::sync::Arc;

use crate::access_key::AccessKeys;
use crate::connection_string::ConnectionString;
use crate::origin::Origin;
use crate::reader::Settings;
use crate::validation::AllowedOrigins;
use crate::webhook::{Notification, Spawner};
use crate::{AccessKey, AccessKeySource, Error, EventHandler, EventReader, Webhook};

/// Four times the largest message of the service.
const BODY_BYTES_MAX_DEFAULT: usize = 4 << 20;

/// Sets up a [`Webhook`] or an [`EventReader`]. What is wrong with a setting is told when it is built.
///
/// Every event is signed by the service with both of its access keys, and the webhook wants to know one of them:
///
/// - [`connection_string`](Self::connection_string): the key counts for events of that endpoint. Call it for each service that sends events.
/// - [`access_key`](Self::access_key): the key counts for events of any origin.
/// - [`access_key_source`](Self::access_key_source): keys that change at run time.
/// - [`accept_unsigned`](Self::accept_unsigned): signatures are not looked at.
pub struct Builder {
    hub: String,
    path: Option<String>,
    keys: AccessKeys,
    unsigned: bool,
    origins: AllowedOrigins,
    body_bytes_max: usize,
    spawner: Option<Spawner>,
    /// The first thing that was wrong.
    error: Option<Error>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hub, path, .. } = self;
        formatter.debug_struct("Builder").field("hub", hub).field("path", path).finish_non_exhaustive()
    }
}

impl Builder {
    pub(crate) fn new(hub: String) -> Self {
        Self {
            hub,
            path: None,
            keys: AccessKeys::default(),
            unsigned: false,
            origins: AllowedOrigins::default(),
            body_bytes_max: BODY_BYTES_MAX_DEFAULT,
            spawner: None,
            error: None,
        }
    }

    /// The path of the webhook, in place of `/api/webpubsub/hubs/{hub}/`. Requests to it and to everything below it are received, in any case.
    ///
    /// Below axum's `nest_service`, which takes its prefix away from the path, set `/`.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Verifies events of a service with the key of its connection string, `Endpoint=…;AccessKey=…;Version=1.0;`. Events of other origins
    /// are not verified with this key. All names of this machine (`localhost`, `127.0.0.1`, `[::1]`) are one origin.
    #[must_use]
    pub fn connection_string(mut self, connection_string: &str) -> Self {
        match ConnectionString::parse(connection_string) {
            Ok(known) => self.keys.add_for(&known.endpoint, known.access_key),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Verifies events of any origin with a key.
    #[must_use]
    pub fn access_key(mut self, access_key: &str) -> Self {
        match AccessKey::new(access_key) {
            Ok(access_key) => self.keys.add(access_key),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Verifies events with keys that are looked up for each, besides the others. A second source takes the place of the first.
    #[must_use]
    pub fn access_key_source(mut self, source: impl AccessKeySource) -> Self {
        self.keys.set_source(Arc::new(source));
        self
    }

    /// Does not verify signatures, even if keys are given: everybody who reaches the webhook can make up events. For services without
    /// access keys, and where a proxy or the network lets only the service through.
    #[must_use]
    pub fn accept_unsigned(mut self) -> Self {
        self.unsigned = true;
        self
    }

    /// The endpoints of the services that may send events, such as `https://name.webpubsub.azure.com`, in place of every service. They are
    /// told to services that ask, and events of other origins are refused with 403. An empty list allows none.
    #[must_use]
    pub fn allowed_endpoints<T: AsRef<str>>(mut self, endpoints: impl IntoIterator<Item = T>) -> Self {
        let origins: Result<_, _> =
            endpoints.into_iter().map(|endpoint| Origin::of_endpoint(endpoint.as_ref())).collect();
        match origins {
            Ok(origins) => self.origins = AllowedOrigins::Listed(origins),
            Err(error) => self.fail(error),
        }
        self
    }

    /// The longest body of an event, in bytes. The default is 4 MiB. A longer one is refused with 413.
    #[must_use]
    pub fn body_bytes_max(mut self, body_bytes_max: usize) -> Self {
        self.body_bytes_max = body_bytes_max;
        self
    }

    /// Answers `connected`, `disconnected`, `joined` and `left` at once, and gives the handler's future to `spawn`. Where this is not set, they
    /// are answered when the handler is done.
    ///
    /// Without it, nothing is lost: an event whose handler failed is answered with 500, so that a service that keeps such events until they are
    /// taken sends it again; and the events of a connection come one after the other. With it, a slow handler keeps nobody waiting, errors are
    /// only logged, `disconnected` may overtake `connected`, and how many futures may be open is up to `spawn`.
    ///
    /// ```
    /// # struct Chat;
    /// # impl webpubsub_events::EventHandler for Chat {}
    /// let webhook = webpubsub_events::Webhook::builder("chat")
    ///     .access_key("the key of the service")
    ///     .spawn_notifications(|notification| drop(tokio::spawn(notification)))
    ///     .build(Chat)?;
    /// # Ok::<_, webpubsub_events::Error>(())
    /// ```
    #[must_use]
    pub fn spawn_notifications(mut self, spawn: impl Fn(Notification) + Send + Sync + 'static) -> Self {
        self.spawner = Some(Arc::new(spawn));
        self
    }

    /// A webhook whose events a handler takes.
    ///
    /// # Errors
    /// What is wrong with the settings; [`Error::NoAccessKey`] if there is no key and [`accept_unsigned`](Self::accept_unsigned) was not called.
    pub fn build<H: EventHandler>(mut self, handler: H) -> Result<Webhook<H>, Error> {
        let spawner = self.spawner.take();
        Ok(Webhook::new(self.reader()?, handler, spawner))
    }

    /// A reader alone.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn reader(self) -> Result<EventReader, Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.hub.is_empty() || !self.hub.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::InvalidHub);
        }
        if self.keys.is_empty() && !self.unsigned {
            return Err(Error::NoAccessKey);
        }
        let path = self.path.unwrap_or_else(|| format!("/api/webpubsub/hubs/{}/", self.hub));
        Ok(EventReader::new(Settings {
            path: normalized(&path),
            hub: self.hub,
            keys: (!self.unsigned).then_some(self.keys),
            origins: self.origins,
            body_bytes_max: self.body_bytes_max,
        }))
    }

    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }
}

/// In lower case, with a slash at both ends.
fn normalized(path: &str) -> String {
    match path.trim_matches('/') {
        "" => "/".to_owned(),
        inner => format!("/{}/", inner.to_ascii_lowercase()),
    }
}
