//! Options of a client.

use std::{sync::Arc, time::Duration};

use rustls::ClientConfig;

use crate::{
    client::Client,
    credential::Credential,
    delivery::Bounds,
    driver::Connector,
    options::Options,
    retry::RetryPolicy,
    shared::Shared,
    wire::{Codec, Protocol},
};

/// Makes a [`Client`] with options of your own. The defaults are those of the official clients, where they have the option.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientBuilder {
    credential: Credential,
    options: Options,
    tls: Option<Arc<ClientConfig>>,
}

impl ClientBuilder {
    pub(crate) fn new(credential: Credential) -> Self {
        Self { credential, options: Options::default(), tls: None }
    }

    /// The subprotocol. [`Protocol::JsonReliable`] unless set.
    pub fn protocol(self, protocol: Protocol) -> Self {
        self.codec(protocol.codec())
    }

    /// A subprotocol of your own.
    pub fn codec(mut self, codec: Arc<dyn Codec>) -> Self {
        self.options.codec = codec;
        self
    }

    /// Whether the client opens a new session when one is lost. It does unless set; otherwise it stops.
    pub fn auto_reconnect(mut self, reconnect: bool) -> Self {
        self.options.auto_reconnect = reconnect;
        self
    }

    /// Whether a new session joins the groups again, sets their states and subscribes to them. It does unless set otherwise.
    pub fn auto_rejoin_groups(mut self, rejoin: bool) -> Self {
        self.options.auto_rejoin_groups = rejoin;
        self
    }

    /// How often a request is repeated that was refused, not acknowledged in time, or written to a session that was lost.
    /// [`RetryPolicy::messages`] unless set. Repetitions after a recovery do not count, since nothing went wrong with the request.
    pub fn message_retry(mut self, policy: RetryPolicy) -> Self {
        self.options.message_retry = policy;
        self
    }

    /// How often the client tries to open a new session when one is lost. [`RetryPolicy::reconnects`] unless set. The first attempt is
    /// made at once.
    pub fn reconnect_retry(mut self, policy: RetryPolicy) -> Self {
        self.options.reconnect_retry = policy;
        self
    }

    /// What becomes of a message or event that was written to a session which was lost before it answered. It is repeated in the new
    /// session unless set otherwise, as the official clients do, so it may take effect twice; its
    /// [`Acknowledged::in_doubt`](crate::request::Acknowledged::in_doubt) says so. With `false` it fails with
    /// [`Error::ConnectionLost`](crate::Error::ConnectionLost) instead. Requests about groups are always repeated.
    pub fn repeat_in_doubt(mut self, repeat: bool) -> Self {
        self.options.repeat_in_doubt = repeat;
        self
    }

    /// How often the client pings the service. 20 seconds unless set; zero for never.
    pub fn keep_alive_interval(mut self, interval: Duration) -> Self {
        self.options.keep_alive_interval = Some(interval).filter(|interval| !interval.is_zero());
        self
    }

    /// After how long without a frame of the service its socket counts as dead. 120 seconds unless set; zero for never. It should be
    /// some times the interval of pings, since their answers are what is heard at least.
    pub fn keep_alive_timeout(mut self, timeout: Duration) -> Self {
        self.options.keep_alive_timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
        self
    }

    /// How long an ack may take. Then the request is repeated with the same ack id, as the message retry policy says. Unless set, acks
    /// may take for ever, which is right unless the service is broken: a broken connection is noticed by other means.
    pub fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.options.ack_timeout = Some(timeout);
        self
    }

    /// How long an attempt to connect may take, from the credential to the service's greeting, and joining groups again after it.
    /// 30 seconds unless set.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = timeout;
        self
    }

    /// For how long the client tries to recover a session. 30 seconds unless set, since that is how long the service keeps it.
    pub fn recovery_window(mut self, window: Duration) -> Self {
        self.options.recovery_window = window;
        self
    }

    /// The wait between attempts to recover. A second unless set. The first attempt is made at once.
    pub fn recovery_delay(mut self, delay: Duration) -> Self {
        self.options.recovery_delay = delay;
        self
    }

    /// How many events each listener's buffer holds. 1024 unless set; at least 1.
    pub fn event_buffer(mut self, events: usize) -> Self {
        self.options.event_buffer = events.max(1);
        self
    }

    /// How many bytes of events each listener's buffer holds, roughly, not counting the last one. 16 MiB unless set.
    pub fn event_buffer_bytes(mut self, bytes: usize) -> Self {
        self.options.event_buffer_bytes = bytes;
        self
    }

    /// For how long a listener may leave its full buffer untouched before requests whose answers are behind it fail with
    /// [`Error::EventsNotTaken`](crate::Error::EventsNotTaken). 10 seconds unless set.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.options.stall_timeout = timeout;
        self
    }

    /// The TLS configuration for `wss://` URLs, for certificates of your own. Unless set, rustls with aws-lc trusts the platform's
    /// root certificates.
    pub fn tls(mut self, config: Arc<ClientConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// The client, not connected yet.
    #[must_use]
    pub fn build(self) -> Client {
        let bounds = Bounds { items: self.options.event_buffer, bytes: self.options.event_buffer_bytes };
        Client::from_parts(self.options, self.credential, Connector::new(self.tls), Shared::new(bounds))
    }
}
