use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Why new work is turned away, although every single bound is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strain {
    /// The process holds more memory than it may: `memory_bytes_max`.
    Memory,
    /// The worker comes to its work later than it may: `worker_lag_max_ms`.
    Lag,
}

impl Strain {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Memory, Self::Lag];

    /// What it is called in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Lag => "lag",
        }
    }
}

impl fmt::Display for Strain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "its memory is used up (limit memory_bytes_max)",
            Self::Lag => "it cannot keep up with its work (limit worker_lag_max_ms)",
        })
    }
}

/// How strained the process and each of its workers are. Whoever measures writes it, whoever takes in new work reads it, without a lock.
///
/// Work that has been taken in is not touched: connected clients go on, sessions can be recovered, and what frees something is always let in.
#[derive(Debug)]
pub struct Load {
    memory: AtomicBool,
    workers: Box<[Worker]>,
}

#[derive(Debug, Default)]
struct Worker {
    lags: AtomicBool,
    /// How often in a row it came too late.
    late: AtomicU32,
}

/// So often in a row must a worker come too late to be lagging: one pause of the whole machine is no overload.
const LATE_MIN: u32 = 2;

impl Load {
    /// Of a process with so many workers.
    pub fn new(workers: usize) -> Self {
        Self { memory: AtomicBool::new(false), workers: (0..workers).map(|_| Worker::default()).collect() }
    }

    /// What a worker should turn new work away for, if anything.
    pub fn strain(&self, worker: u8) -> Option<Strain> {
        if self.memory.load(Ordering::Relaxed) {
            return Some(Strain::Memory);
        }
        let lags = self.workers.get(usize::from(worker)).is_some_and(|it| it.lags.load(Ordering::Relaxed));
        lags.then_some(Strain::Lag)
    }

    /// What any worker turns new work away for, if anything.
    pub fn any_strain(&self) -> Option<Strain> {
        let workers = 0..u8::try_from(self.workers.len()).unwrap_or(u8::MAX);
        workers.into_iter().find_map(|worker| self.strain(worker))
    }

    /// Notes how much memory the process holds; strained above the bound, and no longer below nineteen twentieths of it.
    pub fn note_memory(&self, held_bytes: u64, bytes_max: u64) {
        let eased = bytes_max - bytes_max / 20;
        let was = self.memory.load(Ordering::Relaxed);
        self.memory.store(held_bytes > if was { eased } else { bytes_max }, Ordering::Relaxed);
    }

    /// Notes how late a worker came to something that was due; strained if that is more than it may, twice in a row, and no longer once it is
    /// less than half of that.
    pub fn note_lag(&self, worker: u8, lag_ms: u64, lag_max_ms: u64) {
        let Some(worker) = self.workers.get(usize::from(worker)) else {
            return;
        };
        if lag_ms > lag_max_ms {
            let late = worker.late.load(Ordering::Relaxed).saturating_add(1);
            worker.late.store(late, Ordering::Relaxed);
            if late >= LATE_MIN {
                worker.lags.store(true, Ordering::Relaxed);
            }
        } else {
            worker.late.store(0, Ordering::Relaxed);
            if lag_ms <= lag_max_ms / 2 {
                worker.lags.store(false, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_strains_everybody_until_it_has_clearly_eased() {
        let load = Load::new(2);
        load.note_memory(100, 100);
        assert_eq!(load.strain(0), None);
        load.note_memory(101, 100);
        assert_eq!([load.strain(0), load.strain(1)], [Some(Strain::Memory); 2]);
        load.note_memory(96, 100);
        assert_eq!(load.strain(0), Some(Strain::Memory));
        load.note_memory(95, 100);
        assert_eq!(load.any_strain(), None);
    }

    #[test]
    fn a_worker_lags_by_itself_and_not_for_one_pause() {
        let load = Load::new(2);
        load.note_lag(1, 900, 500);
        load.note_lag(1, 0, 500);
        load.note_lag(1, 900, 500);
        assert_eq!(load.strain(1), None);
        load.note_lag(1, 501, 500);
        assert_eq!([load.strain(0), load.strain(1)], [None, Some(Strain::Lag)]);
        load.note_lag(1, 300, 500);
        assert_eq!(load.any_strain(), Some(Strain::Lag));
        load.note_lag(1, 250, 500);
        assert_eq!(load.any_strain(), None);
    }
}
