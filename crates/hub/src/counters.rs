use crate::CloseCategory;

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident => $metric:literal,)*) => {
        /// What a shard has seen and done since it started. Every bound and every drop is counted here.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $field: u64,)*
            /// Connections that ended, by category.
            pub closes: [u64; CloseCategory::ALL.len()],
        }

        impl Counters {
            /// Every counter with its metric name.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$(($metric, self.$field)),*].into_iter()
            }
        }
    };
}

counters! {
    /// Connections that were opened.
    connections_opened => "webpubsub_connection_opens_total",
    /// Connections, and sessions, that ended, whatever the cause.
    connections_closed => "webpubsub_connection_closes_total",
    /// Reliable sessions that lost their socket and may come back.
    sessions_detached => "webpubsub_session_detaches_total",
    /// Recoveries that were served.
    sessions_recovered => "webpubsub_session_recoveries_total",
    /// Recoveries that were refused with 1008.
    recoveries_refused => "webpubsub_session_recoveries_refused_total",
    /// Sessions that nobody recovered in time.
    sessions_expired => "webpubsub_session_expirations_total",
    /// Sessions that ended since messages from another node may have been lost.
    sessions_missed => "webpubsub_session_losses_total",
    /// Requests that clients sent.
    requests => "webpubsub_client_requests_total",
    /// Envelopes that reached this shard.
    publishes => "webpubsub_publishes_total",
    /// Copies that were put into an outbox or kept for a detached session.
    deliveries => "webpubsub_deliveries_total",
    /// Forms of messages that were compressed, each once for all of its recipients.
    compressions => "webpubsub_compressions_total",
    /// Bytes that these forms had before.
    compressed_plain_bytes => "webpubsub_compression_plain_bytes_total",
    /// Bytes that these forms had then.
    compressed_bytes => "webpubsub_compression_compressed_bytes_total",
    /// Copies that were dropped since their time to live had passed.
    ttl_drops => "webpubsub_ttl_drops_total",
    /// Connections that ended since their outbox was full: limits `outbox_messages_max` and `outbox_bytes_max`.
    outboxes_full => "webpubsub_outbox_full_total",
    /// Sessions that ended since their window was full: limits `unacknowledged_messages_max` and `unacknowledged_bytes_max`.
    windows_full => "webpubsub_window_full_total",
    /// Requests that repeated an acknowledgement id which had taken effect.
    duplicates => "webpubsub_duplicate_requests_total",
    /// Requests that were refused for want of a permission.
    forbidden => "webpubsub_forbidden_requests_total",
    /// User events that clients raised.
    events => "webpubsub_user_events_total",
    /// User events and invocations that nobody is configured to take.
    events_unhandled => "webpubsub_unhandled_events_total",
    /// User events and invocations whose handler refused, could not be reached or did not answer as it should.
    events_failed => "webpubsub_failed_events_total",
    /// Joins that were refused: limit `groups_per_connection_max`.
    group_limit_refusals => "webpubsub_group_limit_refusals_total",
    /// Streams that clients began.
    streams_opened => "webpubsub_stream_opens_total",
    /// Streams that were refused: limit `streams_per_connection_max`, a missing permission, or a wrong request.
    streams_refused => "webpubsub_stream_refusals_total",
    /// Messages of streams that were published.
    stream_messages => "webpubsub_stream_messages_total",
    /// Streams that ended since their publisher was silent.
    streams_idle => "webpubsub_stream_idle_timeouts_total",
    /// Streams that broke off since a message of theirs could not be stored, or they could not be kept elsewhere: after 30 s, or since it was too large.
    streams_unstored => "webpubsub_stream_store_failures_total",
    /// Ends of streams that subscribers were not told, since they could not be stored for ten minutes, or 65,536 others were waiting.
    stream_ends_lost => "webpubsub_stream_ends_lost_total",
    /// Times that the publisher of a stream was made to wait for subscribers.
    stream_holds => "webpubsub_stream_holds_total",
    /// Times that subscribers had not caught up when their publisher had waited long enough: limit `stream_hold_max_ms`.
    stream_holds_given_up => "webpubsub_stream_holds_given_up_total",
    /// Invocations that clients made.
    invocations => "webpubsub_invocations_total",
    /// Invocations that failed, were cancelled, were refused (limit `invocations_per_connection_max`) or got no answer in time (limit
    /// `invocation_timeout_ms`).
    invocations_failed => "webpubsub_failed_invocations_total",
    /// Changes of group states in groups whose home this shard is.
    state_changes => "webpubsub_group_state_changes_total",
    /// Snapshots and updates of group states that were put into an outbox or kept for a detached session.
    state_deliveries => "webpubsub_group_state_deliveries_total",
    /// States that were refused: limits `group_states_per_connection_max` and `group_states_per_group_max`.
    state_limit_refusals => "webpubsub_group_state_limit_refusals_total",
    /// Messages and frames that broke their protocol; each ended its connection.
    invalid_messages => "webpubsub_invalid_messages_total",
}
