//! When requests are sent again.

use azure_core::{
    http::{
        RetryOptions, StatusCode,
        headers::{RETRY_AFTER, RETRY_AFTER_MS, X_MS_RETRY_AFTER_MS},
        policies::{RetryHeaders, RetryPolicy},
    },
    sleep::sleep,
    time::Duration,
};
use std::sync::Arc;

/// Retries of one request; the first try is not counted.
const RETRIES_MAX: u32 = 3;
/// The longest possible wait before the first retry. It doubles with each further one.
const DELAY_INITIAL_MS: u32 = 1_000;
/// The longest wait that is not asked for by the service.
const DELAY_MAX_MS: u32 = 64_000;

/// The retries of this client unless told otherwise: those of the JavaScript SDK.
///
/// A request is sent again up to 3 times when it cannot be delivered, or when the answer is 408, 429 or 5xx other
/// than 501 and 505. The waits are random between half of and the whole of 1 s, 2 s and 4 s (64 s at most). When a
/// 429 or 503 says how long to wait, by `Retry-After`, `retry-after-ms` or `x-ms-retry-after-ms`, that holds instead,
/// however long; bound a whole call by a time-out of your own around it.
///
/// [`WebPubSubServiceClientOptions::default`](crate::WebPubSubServiceClientOptions) has these retries. A fresh
/// [`ClientOptions`](azure_core::http::ClientOptions) has those of `azure_core` instead; this function is for that
/// case.
///
/// A send that is repeated because its answer got lost may reach clients twice. Use
/// [`RetryOptions::none`] where that matters more than a message that is not sent.
pub fn retry_options() -> RetryOptions {
    RetryOptions::custom(Arc::new(ServiceRetryPolicy::new()))
}

#[derive(Debug)]
struct ServiceRetryPolicy {
    headers: RetryHeaders,
    status_codes: Vec<StatusCode>,
}

impl ServiceRetryPolicy {
    fn new() -> Self {
        let server_errors = (500..600).filter(|code| !matches!(code, 501 | 505));
        Self {
            headers: RetryHeaders { retry_headers: vec![RETRY_AFTER_MS, X_MS_RETRY_AFTER_MS, RETRY_AFTER] },
            status_codes: [408, 429].into_iter().chain(server_errors).map(StatusCode::from).collect(),
        }
    }
}

#[async_trait::async_trait]
impl RetryPolicy for ServiceRetryPolicy {
    fn is_expired(&self, _since_start: Duration, retry_count: u32) -> bool {
        retry_count >= RETRIES_MAX
    }

    fn retry_headers(&self) -> Option<&RetryHeaders> {
        Some(&self.headers)
    }

    fn retry_status_codes(&self) -> &[StatusCode] {
        &self.status_codes
    }

    fn sleep_duration(&self, retry_count: u32) -> Duration {
        let doublings = retry_count.saturating_sub(1).min(DELAY_MAX_MS.ilog2());
        let half_ms = DELAY_INITIAL_MS.saturating_mul(1 << doublings).min(DELAY_MAX_MS) / 2;
        Duration::milliseconds(i64::from(half_ms + jitter(half_ms)))
    }

    async fn wait(&self, retry_count: u32, retry_after: Option<Duration>) {
        let delay = retry_after.unwrap_or_else(|| self.sleep_duration(retry_count));
        sleep(delay.max(Duration::ZERO)).await;
    }
}

/// A random number from 0 to `max`. Without it, clients that failed together would come back together.
fn jitter(max: u32) -> u32 {
    let mut bytes = [0; 4];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => u32::from_ne_bytes(bytes) % (max + 1),
        // Without randomness, waiting the longest is the safe side.
        Err(_) => max,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_one_second_to_64_and_lie_in_the_upper_half() {
        let policy = ServiceRetryPolicy::new();
        for (retry_count, whole_ms) in
            [(1, 1_000), (2, 2_000), (3, 4_000), (7, 64_000), (8, 64_000), (99, 64_000)]
        {
            for _ in 0..50 {
                let delay_ms = policy.sleep_duration(retry_count).whole_milliseconds();
                assert!((whole_ms / 2..=whole_ms).contains(&delay_ms), "{retry_count}: {delay_ms}");
            }
        }
    }

    #[test]
    fn server_errors_and_throttling_are_retried_other_statuses_are_not() {
        let policy = ServiceRetryPolicy::new();
        let retried = |code: u16| policy.retry_status_codes().contains(&StatusCode::from(code));
        assert!([408, 429, 500, 502, 503, 504, 507, 599].into_iter().all(retried));
        assert!(![200, 202, 400, 401, 404, 409, 413, 501, 505].into_iter().any(retried));
    }

    #[test]
    fn a_request_is_given_up_after_the_third_retry() {
        let policy = ServiceRetryPolicy::new();
        assert!(!policy.is_expired(Duration::days(1), 2));
        assert!(policy.is_expired(Duration::ZERO, 3));
    }
}
