use hubwire_hub::{CloseCategory, Ending, Exchange};

use super::State;

/// How often a worker publishes its counters, in milliseconds.
const REPORT_INTERVAL_MS: u64 = 1_000;
/// Silence of so many ping intervals means that the peer is gone.
const SILENT_INTERVALS_MAX: u64 = 2;

impl<E: Exchange> State<E> {
    /// When the loop has something to do even if nothing arrives.
    pub(super) fn next_due_ms(&self) -> u64 {
        let timers = [
            self.pings.next_ms(),
            self.closings.next_ms(),
            self.pauses.next_ms(),
            self.shard.next_due_ms(),
            self.next_farewell_ms(),
        ];
        timers.into_iter().flatten().chain([self.next_report_ms]).min().unwrap_or(self.next_report_ms)
    }

    /// Does what is due.
    pub(super) fn keep_time(&mut self) {
        self.ping_due();
        self.close_due();
        self.end_pauses();
        self.go_on_draining();
        self.shard.keep_time(self.now_ms);
        if self.next_report_ms <= self.now_ms {
            self.next_report_ms = self.now_ms + REPORT_INTERVAL_MS;
            self.set_calendar();
            self.report();
            self.sample();
        }
    }

    fn ping_due(&mut self) {
        let interval_ms = self.settings.limits.ping_interval_ms;
        let congested = self.exchange.is_congested();
        while let Some(timer) = self.pings.pop_due(self.now_ms) {
            let now_ms = self.now_ms;
            // A client that is not read cannot be heard.
            let held = self.shard.is_held(timer.key) || congested;
            let Some(socket) = self.socket(timer.key).filter(|socket| socket.serial == timer.serial) else {
                continue;
            };
            if held || socket.paused {
                socket.heard_ms = now_ms;
            }
            // Judged by when it was due: if this worker was stopped for a while, its clients have not been asked in that time.
            if timer.due_ms.saturating_sub(socket.heard_ms) > SILENT_INTERVALS_MAX * interval_ms {
                metrics::counter!("webpubsub_ping_timeouts_total").increment(1);
                self.drop_socket(timer.key, Ending::Silent);
                continue;
            }
            self.shard.ping(timer.key);
            self.pings.push(now_ms + interval_ms, timer.key, timer.serial);
        }
    }

    /// Drops sockets whose peers did not answer the closing handshake.
    fn close_due(&mut self) {
        while let Some(timer) = self.closings.pop_due(self.now_ms) {
            if self.socket(timer.key).is_some_and(|socket| socket.serial == timer.serial) {
                // The last words may not have been tried yet, if patience is very short.
                self.flush(timer.key);
                self.drop_socket(timer.key, Ending::Lost);
            }
        }
    }

    /// Follows the system's idea of the date, which may be corrected at any time.
    pub(super) fn set_calendar(&mut self) {
        let unix_ms = self.environment.unix_ms() as i64;
        self.shard.set_unix_offset_ms(unix_ms - self.now_ms as i64);
    }

    fn report(&self) {
        let worker = self.index.to_string();
        for (name, value) in self.shard.counters().iter() {
            metrics::counter!(name, "worker" => worker.clone()).absolute(value);
        }
        for category in CloseCategory::ALL {
            let labels = [("worker", worker.clone()), ("category", category.name().to_owned())];
            let closes = self.shard.counters().closes[category as usize];
            metrics::counter!("webpubsub_connection_closes_by_category_total", &labels).absolute(closes);
        }
        let (received, sent) = (self.measures.received_bytes, self.measures.sent_bytes);
        metrics::counter!("webpubsub_received_bytes_total", "worker" => worker.clone()).absolute(received);
        metrics::counter!("webpubsub_sent_bytes_total", "worker" => worker.clone()).absolute(sent);
        metrics::gauge!("webpubsub_connections", "worker" => worker)
            .set(self.shard.connection_count() as f64);
    }
}
