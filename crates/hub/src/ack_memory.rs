use std::collections::VecDeque;

/// The acknowledgement ids that have taken effect on a connection, so that a repeated request is not executed again.
///
/// Remembers the last so many ids, first in, first out. Clients count upwards, so ids are kept as runs of consecutive numbers: one run
/// costs the same however long it is, and only ids without any order cost an entry each.
#[derive(Debug, Default)]
pub(crate) struct AckMemory {
    runs: VecDeque<Run>,
    remembered: usize,
}

#[derive(Debug)]
struct Run {
    first: u64,
    last: u64,
}

impl AckMemory {
    pub(crate) fn contains(&self, ack_id: u64) -> bool {
        self.runs.iter().any(|run| (run.first..=run.last).contains(&ack_id))
    }

    /// Remembers an id that is not contained yet, and forgets the oldest one beyond the limit.
    pub(crate) fn remember(&mut self, ack_id: u64, ids_max: usize) {
        match self.runs.back_mut() {
            Some(run) if run.last.checked_add(1) == Some(ack_id) => run.last = ack_id,
            _ => self.runs.push_back(Run { first: ack_id, last: ack_id }),
        }
        self.remembered += 1;
        while self.remembered > ids_max {
            self.forget_oldest();
        }
    }

    /// All that is remembered, from the oldest: each run by its first and its last id.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (u64, u64)> {
        self.runs.iter().map(|run| (run.first, run.last))
    }

    /// Remembers a run that another memory had.
    pub(crate) fn remember_run(&mut self, first: u64, last: u64) {
        self.remembered += usize::try_from(last.saturating_sub(first)).unwrap_or(usize::MAX - 1) + 1;
        self.runs.push_back(Run { first, last });
    }

    fn forget_oldest(&mut self) {
        self.remembered -= 1;
        if let Some(run) = self.runs.front_mut() {
            if run.first == run.last {
                self.runs.pop_front();
            } else {
                run.first += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::AckMemory;

    proptest! {
        #[test]
        fn the_last_ids_are_remembered_first_in_first_out(ids in prop::collection::vec(0_u64..40, 1..200), limit in 1_usize..12) {
            let mut memory = AckMemory::default();
            let mut reference = std::collections::VecDeque::new();
            for id in ids {
                prop_assert_eq!(memory.contains(id), reference.contains(&id));
                if !reference.contains(&id) {
                    memory.remember(id, limit);
                    reference.push_back(id);
                    if reference.len() > limit {
                        reference.pop_front();
                    }
                }
            }
            for id in 0..40 {
                prop_assert_eq!(memory.contains(id), reference.contains(&id));
            }
        }

        #[test]
        fn the_greatest_id_has_no_successor(limit in 1_usize..3) {
            let mut memory = AckMemory::default();
            memory.remember(u64::MAX, limit);
            memory.remember(0, limit);
            prop_assert!(memory.contains(0));
            prop_assert_eq!(memory.contains(u64::MAX), limit > 1);
        }
    }
}
