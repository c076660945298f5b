//! Signs of life: pings, and the peer that has fallen silent.

use std::time::Duration;

use super::output::Moment;

#[derive(Debug)]
pub(crate) struct KeepAlive {
    interval: Option<Duration>,
    timeout: Option<Duration>,
    socket: Option<Socket>,
}

#[derive(Debug)]
struct Socket {
    next_ping: Moment,
    last_heard: Moment,
    /// Nobody reads from the socket while the application's event buffer is full, so silence means nothing.
    reading: bool,
}

impl KeepAlive {
    pub(crate) fn new(interval: Option<Duration>, timeout: Option<Duration>) -> Self {
        Self { interval, timeout, socket: None }
    }

    pub(crate) fn opened(&mut self, now: Moment) {
        // The first ping goes out at once, as that of the JavaScript client.
        self.socket = Some(Socket { next_ping: now, last_heard: now, reading: true });
    }

    pub(crate) fn closed(&mut self) {
        self.socket = None;
    }

    pub(crate) fn heard(&mut self, now: Moment) {
        if let Some(socket) = &mut self.socket {
            socket.last_heard = now;
        }
    }

    pub(crate) fn set_reading(&mut self, now: Moment, reading: bool) {
        if let Some(socket) = &mut self.socket {
            socket.reading = reading;
            socket.last_heard = now;
        }
    }

    /// Whether a ping is to be sent now.
    pub(crate) fn take_ping(&mut self, now: Moment) -> bool {
        match (&mut self.socket, self.interval) {
            (Some(socket), Some(interval)) if socket.next_ping <= now => {
                socket.next_ping = now + interval;
                true
            }
            _ => false,
        }
    }

    /// For how long nothing has been heard, if that is too long.
    pub(crate) fn silence(&self, now: Moment) -> Option<Duration> {
        let silence = now.saturating_sub(self.socket.as_ref()?.last_heard);
        self.dead_at().is_some_and(|at| at <= now).then_some(silence)
    }

    fn dead_at(&self) -> Option<Moment> {
        let socket = self.socket.as_ref().filter(|socket| socket.reading)?;
        Some(socket.last_heard + self.timeout?)
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        let ping = self.socket.as_ref().and_then(|socket| self.interval.map(|_| socket.next_ping));
        [ping, self.dead_at()].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Moment = Duration::from_secs(1);

    fn keep_alive() -> KeepAlive {
        let mut keep_alive = KeepAlive::new(Some(20 * SECOND), Some(120 * SECOND));
        keep_alive.opened(Moment::ZERO);
        keep_alive
    }

    #[test]
    fn a_ping_goes_out_at_once_and_then_every_twenty_seconds() {
        let mut keep_alive = keep_alive();
        let pings: Vec<_> = (0..60).filter(|second| keep_alive.take_ping(*second * SECOND)).collect();
        assert_eq!(pings, [0, 20, 40]);
    }

    #[test]
    fn a_peer_is_dead_after_a_hundred_and_twenty_seconds_of_silence() {
        let mut keep_alive = keep_alive();
        keep_alive.heard(10 * SECOND);
        assert_eq!(keep_alive.silence(129 * SECOND), None);
        assert_eq!(keep_alive.silence(130 * SECOND), Some(120 * SECOND));
    }

    #[test]
    fn silence_means_nothing_while_nobody_reads() {
        let mut keep_alive = keep_alive();
        keep_alive.set_reading(SECOND, false);
        assert_eq!(keep_alive.silence(1000 * SECOND), None);
        keep_alive.set_reading(1000 * SECOND, true);
        assert_eq!(keep_alive.silence(1119 * SECOND), None);
        assert!(keep_alive.silence(1120 * SECOND).is_some());
    }

    #[test]
    fn without_a_socket_or_times_nothing_is_due() {
        let mut keep_alive = keep_alive();
        keep_alive.closed();
        assert_eq!(keep_alive.deadline(), None);
        let mut off = KeepAlive::new(None, None);
        off.opened(Moment::ZERO);
        assert_eq!((off.deadline(), off.take_ping(SECOND)), (None, false));
    }
}
