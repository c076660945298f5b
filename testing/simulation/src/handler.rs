use std::collections::VecDeque;

use hubwire_hub::{Answer, Question, Unanswered};
use hubwire_protocol::ConnectionId;
use rand::Rng;
use rand::rngs::StdRng;

use crate::payload::{self, Kind};

/// How long an answer takes at most, in milliseconds.
const DELAY_MS_MAX: u64 = 400;

/// An answer on its way to the shard that asked.
pub(crate) struct Due {
    due_ms: u64,
    pub(crate) connection: ConnectionId,
    pub(crate) question: Question,
    pub(crate) outcome: Result<Answer, Unanswered>,
}

/// The event handler of an application, as one worker reaches it: it takes its time, and answers, fails, or is not there.
#[derive(Default)]
pub(crate) struct Handler {
    under_way: VecDeque<Due>,
    replies: u64,
}

impl Handler {
    /// Decides what becomes of a question, and when. Answers overtake each other.
    pub(crate) fn ask(
        &mut self,
        worker: usize,
        (connection, question): (ConnectionId, Question),
        (now_ms, rng): (u64, &mut StdRng),
    ) {
        let outcome = match rng.random_range(0..8) {
            0 => Err(Unanswered::Unhandled),
            1 => Err(Unanswered::Failed),
            2..=4 => Ok(Answer::default()),
            _ => {
                self.replies += 1;
                let text = payload::text(rng, &format!("handler{worker}/{connection}"), self.replies);
                Ok(Answer { data: Some(Kind::any(rng).data(&text)), ..Answer::default() })
            }
        };
        let due_ms = now_ms + rng.random_range(0..DELAY_MS_MAX);
        self.under_way.push_back(Due { due_ms, connection, question, outcome });
    }

    /// An answer that has arrived.
    pub(crate) fn arrived(&mut self, now_ms: u64) -> Option<Due> {
        let index = self.under_way.iter().position(|due| due.due_ms <= now_ms)?;
        self.under_way.remove(index)
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.under_way.is_empty()
    }
}
