//! Publishes that wait for the server's answer.

use crate::histogram::Histogram;
use anyhow::{Context, Result, ensure};
use std::collections::VecDeque;

/// When each of them was sent, and how long those took that are answered. Their ids only grow.
pub(crate) struct Answers {
    /// Id of the oldest one that is kept.
    oldest: u64,
    /// Nothing for those that are answered.
    sent_ns: VecDeque<Option<u64>>,
    waiting: u64,
    pub(crate) latency: Histogram,
}

impl Answers {
    pub(crate) fn new() -> Self {
        Self { oldest: 0, sent_ns: VecDeque::new(), waiting: 0, latency: Histogram::new() }
    }

    /// Adds a publish, whose id is above all that were added before.
    pub(crate) fn ask(&mut self, id: u64, sent_ns: u64) {
        if self.sent_ns.is_empty() {
            self.oldest = id;
        }
        let index = id.saturating_sub(self.oldest) as usize;
        self.sent_ns.resize(index, None);
        self.sent_ns.push_back(Some(sent_ns));
        self.waiting += 1;
    }

    /// Notes the answer to a publish.
    pub(crate) fn take(&mut self, id: u64, now_ns: u64) -> Result<()> {
        let index = id.checked_sub(self.oldest).and_then(|index| usize::try_from(index).ok());
        let place = index.and_then(|index| self.sent_ns.get_mut(index));
        let sent_ns = place.and_then(Option::take).context("an answer to nothing")?;
        self.latency.record(now_ns.saturating_sub(sent_ns));
        self.waiting -= 1;
        while self.sent_ns.front().is_some_and(Option::is_none) {
            self.sent_ns.pop_front();
            self.oldest += 1;
        }
        Ok(())
    }

    /// Publishes that are not answered.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting
    }
}

/// The `ackId` of an acknowledgement, which must be that of a success; nothing of other messages.
pub(crate) fn ack_id(payload: &[u8]) -> Result<Option<u64>> {
    const NAME: &[u8] = br#""ackId":"#;
    if memchr::memmem::find(payload, br#""type":"ack""#).is_none() {
        return Ok(None);
    }
    ensure!(
        memchr::memmem::find(payload, br#""success":true"#).is_some(),
        "a publish was refused: {}",
        String::from_utf8_lossy(payload)
    );
    let start = memchr::memmem::find(payload, NAME).context("an acknowledgement of nothing")? + NAME.len();
    let digits = payload[start..].iter().take_while(|byte| byte.is_ascii_digit());
    let id = digits.fold(0_u64, |id, digit| id.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
    Ok(Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_is_answered_once_and_in_any_order() {
        let mut answers = Answers::new();
        [(7, 100), (8, 200), (9, 300)].into_iter().for_each(|(id, sent_ns)| answers.ask(id, sent_ns));
        answers.take(8, 250).unwrap();
        assert!(
            answers.take(8, 260).is_err() && answers.take(6, 260).is_err() && answers.take(10, 260).is_err()
        );
        assert_eq!(answers.waiting(), 2);
        answers.take(7, 110).unwrap();
        answers.take(9, 330).unwrap();
        assert_eq!((answers.waiting(), answers.sent_ns.len()), (0, 0), "what is answered is forgotten");
        assert_eq!((answers.latency.percentile(0.01), answers.latency.max()), (10, 50));
        answers.ask(20, 400);
        answers.take(20, 401).unwrap();
    }

    #[test]
    fn an_acknowledgement_names_its_publish_and_a_refusal_ends_the_run() {
        let ack = |text: &str| ack_id(text.as_bytes());
        assert_eq!(ack(r#"{"type":"ack","ackId":12,"success":true}"#).unwrap(), Some(12));
        assert_eq!(ack(r#"{"type":"system","event":"connected"}"#).unwrap(), None);
        let refused =
            ack(r#"{"type":"ack","ackId":1,"success":false,"error":{"name":"InternalServerError"}}"#);
        assert!(refused.unwrap_err().to_string().contains("InternalServerError"));
        assert!(ack(r#"{"type":"ack","success":true}"#).is_err());
    }
}
