//! How often, and after how long, something is tried again.

use std::time::Duration;

/// A policy of retries: how many, and the wait before each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    retries_max: Option<u32>,
    delay: Duration,
    delay_max: Duration,
    mode: RetryMode,
}

/// How the wait grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetryMode {
    /// Every wait is as long as the first. The default.
    #[default]
    Fixed,
    /// Every wait is twice as long as the one before, up to a bound.
    Exponential,
}

impl RetryPolicy {
    /// What requests are retried with unless told otherwise: 3 times, a second apart.
    pub fn messages() -> Self {
        Self { retries_max: Some(3), ..Self::reconnects() }
    }

    /// What reconnecting is retried with unless told otherwise: for ever, a second apart.
    pub fn reconnects() -> Self {
        Self {
            retries_max: None,
            delay: Duration::from_secs(1),
            delay_max: Duration::from_secs(30),
            mode: RetryMode::Fixed,
        }
    }

    /// Never again.
    pub fn none() -> Self {
        Self { retries_max: Some(0), ..Self::reconnects() }
    }

    /// At most so many retries.
    #[must_use]
    pub fn retries_max(self, retries: u32) -> Self {
        Self { retries_max: Some(retries), ..self }
    }

    /// The first wait. A second by default.
    #[must_use]
    pub fn delay(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The longest wait. 30 seconds by default.
    #[must_use]
    pub fn delay_max(self, delay_max: Duration) -> Self {
        Self { delay_max, ..self }
    }

    /// How the wait grows.
    #[must_use]
    pub fn mode(self, mode: RetryMode) -> Self {
        Self { mode, ..self }
    }

    /// The wait before a retry, counted from 1; `None` when there are to be no more.
    pub(crate) fn delay_before(&self, retry: u32) -> Option<Duration> {
        if self.retries_max.is_some_and(|max| retry > max) {
            return None;
        }
        let doublings = match self.mode {
            RetryMode::Fixed => 0,
            RetryMode::Exponential => retry.saturating_sub(1).min(31),
        };
        Some(self.delay.saturating_mul(1 << doublings).min(self.delay_max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn requests_are_retried_three_times_a_second_apart() {
        let policy = RetryPolicy::messages();
        let delays: Vec<_> = (1..=4).map(|retry| policy.delay_before(retry)).collect();
        assert_eq!(delays, [Some(SECOND), Some(SECOND), Some(SECOND), None]);
    }

    #[test]
    fn an_exponential_wait_doubles_up_to_its_bound() {
        let policy = RetryPolicy::reconnects().mode(RetryMode::Exponential);
        let seconds: Vec<_> =
            (1..=7).filter_map(|retry| policy.delay_before(retry)).map(|d| d.as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(policy.delay_before(u32::MAX), Some(30 * SECOND));
    }

    #[test]
    fn no_retry_is_no_retry() {
        assert_eq!(RetryPolicy::none().delay_before(1), None);
    }
}
