use std::future::Future;
use std::time::Duration;

use crate::CallError;

/// How long to wait before the second, third and fourth attempt, in milliseconds: as the service does.
const WAITS_MS: [u64; 3] = [1_000, 3_000, 5_000];

/// Makes a call up to four times, as long as it is worth repeating.
pub(crate) async fn attempts<T, F: Future<Output = Result<T, CallError>>>(
    mut attempt: impl FnMut() -> F,
) -> Result<T, CallError> {
    for wait_ms in WAITS_MS {
        match attempt().await {
            Err(error) if error.is_worth_repeating() => {
                metrics::counter!("webpubsub_upstream_retries_total").increment(1);
                tracing::debug!(%error, wait_ms, "a call is repeated");
                tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            }
            outcome => return outcome,
        }
    }
    attempt().await
}
