//! What a client can be told to do differently.

use std::{sync::Arc, time::Duration};

use crate::{
    retry::RetryPolicy,
    wire::{Codec, Protocol},
};

/// All options with their values. [`ClientBuilder`](crate::ClientBuilder) documents them.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub codec: Arc<dyn Codec>,
    pub auto_reconnect: bool,
    pub auto_rejoin_groups: bool,
    pub message_retry: RetryPolicy,
    pub reconnect_retry: RetryPolicy,
    pub repeat_in_doubt: bool,
    pub keep_alive_interval: Option<Duration>,
    pub keep_alive_timeout: Option<Duration>,
    pub ack_timeout: Option<Duration>,
    pub connect_timeout: Duration,
    pub recovery_window: Duration,
    pub recovery_delay: Duration,
    pub event_buffer: usize,
    pub event_buffer_bytes: usize,
    pub stall_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            codec: Arc::new(Protocol::default()),
            auto_reconnect: true,
            auto_rejoin_groups: true,
            message_retry: RetryPolicy::messages(),
            reconnect_retry: RetryPolicy::reconnects(),
            repeat_in_doubt: true,
            keep_alive_interval: Some(Duration::from_secs(20)),
            keep_alive_timeout: Some(Duration::from_secs(120)),
            ack_timeout: None,
            connect_timeout: Duration::from_secs(30),
            recovery_window: Duration::from_secs(30),
            recovery_delay: Duration::from_secs(1),
            event_buffer: 1024,
            event_buffer_bytes: 16 << 20,
            stall_timeout: Duration::from_secs(10),
        }
    }
}
