//! Requests that wait for their acks.
//!
//! A request keeps its ack id through every retry. The service carries a request out once for each id and session, so writing one again
//! in the same session is always safe. After a recovery all that are unanswered are written again, in their order and ahead of
//! anything newer; the bound on how many there are keeps them within the 1,000 ids that the service remembers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    command::{AckId, Request},
    groups::Effect,
    output::{Completion, Moment, Outputs, Ticket},
};
use crate::{
    error::{Error, ErrorDetail, Result},
    event::Closure,
    options::Options,
    request::Acknowledged,
    wire::Frame,
};

/// How many requests may wait for their acks at a time. The service remembers 1,000 ids, and keeps 1,000 unacknowledged messages: those that
/// a member sends to its own group come back to it, in addition to the 300 that a sequence ack may be behind.
pub(crate) const WAITING_MAX: usize = 600;

/// How many bytes of requests may wait at a time, not counting the last one: as much as the service keeps for a client.
pub(crate) const WAITING_BYTES_MAX: usize = 16 << 20;

/// How many sockets in a row may end without bringing anything new before what was written to them is given up: it may be what ends them.
const FRUITLESS_SOCKETS_MAX: u32 = 100;

/// The generator keeps out of the way of ids that the application chooses up to here; beyond, it never gets there.
const OWN_ID_FOLLOWED_MAX: u64 = 1 << 53;

#[derive(Debug)]
pub(crate) struct Requests {
    waiting: BTreeMap<Ticket, Waiting>,
    by_ack_id: HashMap<u64, Ticket>,
    timers: BTreeSet<(Moment, Ticket)>,
    next_ack_id: u64,
    bytes: usize,
    fruitless_sockets: u32,
}

#[derive(Debug)]
struct Waiting {
    frame: Frame,
    ack_id: Option<u64>,
    effect: Effect,
    phase: Phase,
    /// Whether the service may know it: it was written since the session began.
    written_in_session: bool,
    /// Whether an earlier session that was lost may have carried it out.
    in_doubt: bool,
    failures: u32,
    last_closure: Option<Closure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Is to be written when the client is connected.
    Queued,
    /// Was written to the present socket, and times out then.
    Written { ack_deadline: Option<Moment> },
    /// Failed, and is to be written again then.
    Failed { retry_at: Moment },
}

impl Phase {
    fn timer(self) -> Option<Moment> {
        match self {
            Self::Queued => None,
            Self::Written { ack_deadline } => ack_deadline,
            Self::Failed { retry_at } => Some(retry_at),
        }
    }
}

impl Requests {
    pub(crate) fn new() -> Self {
        Self {
            waiting: BTreeMap::new(),
            by_ack_id: HashMap::new(),
            timers: BTreeSet::new(),
            next_ack_id: 1,
            bytes: 0,
            fruitless_sockets: 0,
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < WAITING_MAX && self.bytes < WAITING_BYTES_MAX
    }

    pub(crate) fn next_ack_id(&mut self) -> u64 {
        // An id of the application's own that still waits must not be given out a second time.
        while self.by_ack_id.contains_key(&self.next_ack_id) {
            self.next_ack_id += 1;
        }
        self.next_ack_id += 1;
        self.next_ack_id - 1
    }

    /// Queues a request.
    pub(crate) fn add(&mut self, ticket: Ticket, request: Request, options: &Options) -> Result<()> {
        let ack_id = match request.ack {
            AckId::None => None,
            AckId::Next => Some(self.next_ack_id()),
            AckId::Own(id) => Some(self.take_own_id(id)?),
        };
        let effect = Effect::of(&request.message);
        let frame = options.codec.encode(&request.message.with_ack_id(ack_id));
        self.bytes += frame.as_bytes().len();
        if let Some(id) = ack_id {
            self.by_ack_id.insert(id, ticket);
        }
        let waiting = Waiting {
            frame,
            ack_id,
            effect,
            phase: Phase::Queued,
            written_in_session: false,
            in_doubt: false,
            failures: 0,
            last_closure: None,
        };
        self.waiting.insert(ticket, waiting);
        Ok(())
    }

    fn take_own_id(&mut self, id: u64) -> Result<u64> {
        if self.by_ack_id.contains_key(&id) {
            return Err(Error::AckIdInUse(id));
        }
        // Were the generator to come across the id later, the service would take a new request for a repetition and drop it.
        if id < OWN_ID_FOLLOWED_MAX {
            self.next_ack_id = self.next_ack_id.max(id + 1);
        }
        Ok(id)
    }

    /// Writes everything that is queued, in the order of the calls.
    pub(crate) fn write_queued(&mut self, now: Moment, options: &Options, out: &mut Outputs) {
        let queued = self.waiting.iter().filter(|(_, waiting)| waiting.phase == Phase::Queued);
        let queued: Vec<Ticket> = queued.map(|(ticket, _)| *ticket).collect();
        for ticket in queued {
            self.write(ticket, now, options, out);
        }
    }

    pub(crate) fn write(&mut self, ticket: Ticket, now: Moment, options: &Options, out: &mut Outputs) {
        let Some(waiting) = self.waiting.get_mut(&ticket) else { return };
        out.write(waiting.frame.clone());
        if waiting.ack_id.is_none() {
            self.remove(ticket);
            let acknowledged = Acknowledged { ack_id: None, duplicate: false, in_doubt: false };
            out.complete(ticket, Ok(Completion::Acknowledged(acknowledged)));
            return;
        }
        waiting.written_in_session = true;
        let ack_deadline = options.ack_timeout.map(|timeout| now + timeout);
        self.set_phase(ticket, Phase::Written { ack_deadline });
    }

    fn set_phase(&mut self, ticket: Ticket, phase: Phase) {
        let Some(waiting) = self.waiting.get_mut(&ticket) else { return };
        if let Some(timer) = waiting.phase.timer() {
            self.timers.remove(&(timer, ticket));
        }
        waiting.phase = phase;
        if let Some(timer) = phase.timer() {
            self.timers.insert((timer, ticket));
        }
    }

    fn remove(&mut self, ticket: Ticket) -> Option<Waiting> {
        let waiting = self.waiting.remove(&ticket)?;
        self.bytes -= waiting.frame.as_bytes().len();
        if let Some(timer) = waiting.phase.timer() {
            self.timers.remove(&(timer, ticket));
        }
        if let Some(id) = waiting.ack_id {
            self.by_ack_id.remove(&id);
        }
        Some(waiting)
    }

    /// The service has sent something new over the present socket.
    pub(crate) fn progress(&mut self) {
        self.fruitless_sockets = 0;
    }

    /// Takes an ack. Returns what a success means for the groups.
    pub(crate) fn acknowledge(
        &mut self,
        now: Moment,
        ack_id: u64,
        outcome: Result<(), ErrorDetail>,
        options: &Options,
        out: &mut Outputs,
    ) -> Option<Effect> {
        let ticket = *self.by_ack_id.get(&ack_id)?;
        self.progress();
        let duplicate = outcome.as_ref().is_err_and(|error| error.name == "Duplicate");
        match outcome {
            Err(error) if !duplicate => {
                let worth_retrying = !matches!(error.name.as_str(), "Forbidden" | "BadRequest" | "NotFound");
                self.fail(now, ticket, worth_retrying, Error::Refused { ack_id, error }, options, out);
                None
            }
            _ => {
                let waiting = self.remove(ticket)?;
                let acknowledged =
                    Acknowledged { ack_id: Some(ack_id), duplicate, in_doubt: waiting.in_doubt };
                out.complete(ticket, Ok(Completion::Acknowledged(acknowledged)));
                Some(waiting.effect)
            }
        }
    }

    fn fail(
        &mut self,
        now: Moment,
        ticket: Ticket,
        worth_retrying: bool,
        error: Error,
        options: &Options,
        out: &mut Outputs,
    ) {
        let Some(waiting) = self.waiting.get_mut(&ticket) else { return };
        waiting.failures += 1;
        match options.message_retry.delay_before(waiting.failures).filter(|_| worth_retrying) {
            Some(delay) => self.set_phase(ticket, Phase::Failed { retry_at: now + delay }),
            None => self.give_up(ticket, error, out),
        }
    }

    fn give_up(&mut self, ticket: Ticket, error: Error, out: &mut Outputs) {
        if self.remove(ticket).is_some() {
            out.complete(ticket, Err(error));
        }
    }

    /// Does what is due: retries, and acks that did not come.
    pub(crate) fn tick(&mut self, now: Moment, options: &Options, out: &mut Outputs) {
        while let Some((_, ticket)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            let Some(waiting) = self.waiting.get(&ticket) else { return };
            match (waiting.phase, waiting.ack_id) {
                (Phase::Written { .. }, Some(ack_id)) => {
                    self.fail(now, ticket, true, Error::AckTimeout { ack_id }, options, out);
                }
                _ => self.write(ticket, now, options, out),
            }
        }
    }

    /// The socket is gone. Whatever was written may or may not have arrived.
    pub(crate) fn socket_lost(&mut self, closure: &Closure, out: &mut Outputs) {
        self.timers.clear();
        self.fruitless_sockets += 1;
        let mut given_up = Vec::new();
        for (ticket, waiting) in &mut self.waiting {
            let written = matches!(waiting.phase, Phase::Written { .. });
            waiting.phase = Phase::Queued;
            if written {
                waiting.last_closure = Some(closure.clone());
                if closure.blames_client() || self.fruitless_sockets > FRUITLESS_SOCKETS_MAX {
                    given_up.push(*ticket);
                }
            }
        }
        self.give_up_as_lost(given_up, closure, out);
    }

    /// The session is gone, and with it the service's memory of ack ids.
    pub(crate) fn session_lost(&mut self, closure: &Closure, options: &Options, out: &mut Outputs) {
        let mut given_up = Vec::new();
        for (ticket, waiting) in &mut self.waiting {
            if !std::mem::take(&mut waiting.written_in_session) {
                continue;
            }
            waiting.failures += 1;
            let may_repeat = options.repeat_in_doubt || waiting.effect.is_idempotent();
            if !may_repeat || options.message_retry.delay_before(waiting.failures).is_none() {
                given_up.push(*ticket);
            }
            waiting.in_doubt |= !waiting.effect.is_idempotent();
        }
        self.give_up_as_lost(given_up, closure, out);
    }

    fn give_up_as_lost(&mut self, tickets: Vec<Ticket>, closure: &Closure, out: &mut Outputs) {
        for ticket in tickets {
            let Some(waiting) = self.remove(ticket) else { continue };
            let closure = waiting.last_closure.unwrap_or_else(|| closure.clone());
            out.complete(ticket, Err(Error::ConnectionLost { ack_id: waiting.ack_id, closure }));
        }
    }

    /// Whether an answer is being waited for on the present socket.
    pub(crate) fn has_written(&self) -> bool {
        self.waiting.values().any(|waiting| matches!(waiting.phase, Phase::Written { .. }))
    }

    /// Gives up what was written, because its answers cannot be read.
    pub(crate) fn fail_written(&mut self, out: &mut Outputs) {
        let written = self.waiting.iter().filter(|(_, w)| matches!(w.phase, Phase::Written { .. }));
        let written: Vec<_> = written.map(|(ticket, waiting)| (*ticket, waiting.ack_id)).collect();
        for (ticket, ack_id) in written {
            self.give_up(ticket, Error::EventsNotTaken { ack_id }, out);
        }
    }

    /// The client has stopped.
    pub(crate) fn stop(&mut self, out: &mut Outputs) {
        let tickets: Vec<Ticket> = self.waiting.keys().copied().collect();
        for ticket in tickets {
            let Some(waiting) = self.remove(ticket) else { continue };
            let ack_id = waiting.ack_id.filter(|_| waiting.written_in_session || waiting.in_doubt);
            out.complete(ticket, Err(Error::Stopped { ack_id }));
        }
    }

    /// The application does not want the answer any more. True if there was such a request.
    pub(crate) fn abandon(&mut self, ticket: Ticket) -> bool {
        self.remove(ticket).is_some()
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.timers.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::output::Output, *};
    use crate::wire::ClientMessage;

    const SECOND: Moment = Duration::from_secs(1);
    const TICKET: Ticket = 1;

    /// What is written, and how the request ends.
    fn outputs(out: &mut Outputs) -> (Vec<Frame>, Option<Result<Completion>>) {
        let (mut frames, mut end) = (Vec::new(), None);
        while let Some(output) = out.pop() {
            match output {
                Output::Write(frame) => frames.push(frame),
                Output::Complete(TICKET, result) => end = Some(result),
                other => panic!("{other:?}"),
            }
        }
        (frames, end)
    }

    #[test]
    fn a_request_without_an_ack_in_time_is_written_again_with_its_id_and_then_given_up() {
        let options = Options { ack_timeout: Some(5 * SECOND), ..Options::default() };
        let (mut requests, mut out) = (Requests::new(), Outputs::default());
        let join = ClientMessage::JoinGroup { group: "g".to_owned(), ack_id: None };
        let request = Request { message: join, ack: AckId::Own(7) };
        requests.add(TICKET, request, &options).expect("the id is free");
        requests.write(TICKET, Moment::ZERO, &options, &mut out);
        let (first, _) = outputs(&mut out);
        let mut written_at = vec![0];
        let mut end = None;
        for second in 1..=30 {
            requests.tick(second * SECOND, &options, &mut out);
            let (again, result) = outputs(&mut out);
            if !again.is_empty() {
                assert_eq!(again, first);
                written_at.push(second);
            }
            end = end.or(result.map(|result| (second, result)));
        }
        // Five seconds for the ack and one before the next attempt, three times.
        assert_eq!(written_at, [0, 6, 12, 18]);
        assert!(matches!(end, Some((23, Err(Error::AckTimeout { ack_id: 7 })))), "{end:?}");
    }
}
