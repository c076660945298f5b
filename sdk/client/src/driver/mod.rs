//! The task that lends a session a socket, a clock and callers.

mod clock;
mod connector;
mod socket;

pub(crate) use connector::Connector;

use std::{
    collections::HashMap,
    future::{Future, pending, poll_fn},
    pin::Pin,
    sync::Arc,
};

use tokio::time::{Sleep, sleep_until};
use url::Url;

use self::{
    clock::Clock,
    connector::session_url,
    socket::{Socket, SocketEvent},
};
use crate::{
    calls::{Answer, Call},
    credential::Credential,
    delivery::Room,
    error::{Error, Result},
    options::Options,
    session::{Moment, Output, Session, Target, Ticket},
    shared::{Abandoned, Shared},
};

type Opening = Pin<Box<dyn Future<Output = Result<(Socket, String, Connector)>> + Send>>;

pub(crate) struct Driver {
    session: Session,
    shared: Arc<Shared>,
    room: Arc<Room>,
    answers: HashMap<Ticket, Answer>,
    options: Options,
    credential: Credential,
    connector: Connector,
    clock: Clock,
    /// The URL that the session was opened with, as it was given.
    url: Option<String>,
    /// A socket that is not opened before the application has taken some of its events.
    wanted: Option<Target>,
    opening: Option<Opening>,
    socket: Option<Socket>,
    pause: Option<Pause>,
    /// Every client was dropped.
    orphaned: bool,
}

/// The socket is not being read, since somebody does not take what was read.
#[derive(Debug)]
struct Pause {
    since: Moment,
    taken: u64,
}

enum Wake {
    Socket(SocketEvent),
    Opened(Result<(Socket, String, Connector)>),
    Call(Option<Call>),
    Abandoned,
    Other,
}

impl Driver {
    pub(crate) fn new(
        options: Options,
        credential: Credential,
        connector: Connector,
        shared: Arc<Shared>,
    ) -> Self {
        let room = shared.delivery().room();
        Self {
            session: Session::new(options.clone()),
            room,
            shared,
            answers: HashMap::new(),
            options,
            credential,
            connector,
            clock: Clock::start(),
            url: None,
            wanted: None,
            opening: None,
            socket: None,
            pause: None,
            orphaned: false,
        }
    }

    pub(crate) async fn run(mut self) {
        let sleep = sleep_until(self.clock.at(Moment::ZERO));
        tokio::pin!(sleep);
        loop {
            self.perform();
            if self.orphaned && self.answers.is_empty() && self.socket.is_none() && self.opening.is_none() {
                return;
            }
            let wake = self.wait(sleep.as_mut()).await;
            let now = self.clock.now();
            self.handle(now, wake);
            self.tick(now);
        }
    }

    /// Waits until something happens.
    async fn wait(&mut self, mut sleep: Pin<&mut Sleep>) -> Wake {
        let reading = self.note_reading();
        let deadline = self.deadline().map(|deadline| self.clock.at(deadline));
        if let Some(deadline) = deadline.filter(|deadline| *deadline != sleep.deadline()) {
            sleep.as_mut().reset(deadline);
        }
        let takes_calls =
            !self.orphaned && self.session.has_room() && self.socket.as_ref().is_none_or(Socket::has_room);
        let (socket, opening) = (&mut self.socket, &mut self.opening);
        tokio::select! {
            event = poll_fn(|context| match socket {
                Some(socket) => socket.poll(context, reading),
                None => std::task::Poll::Pending,
            }) => Wake::Socket(event),
            opened = async {
                match opening {
                    Some(opening) => opening.await,
                    None => pending().await,
                }
            } => Wake::Opened(opened),
            call = self.shared.calls().next(), if takes_calls => Wake::Call(call),
            () = self.shared.abandoned() => Wake::Abandoned,
            () = self.room.changed() => Wake::Other,
            () = sleep, if deadline.is_some() => Wake::Other,
        }
    }

    fn handle(&mut self, now: Moment, wake: Wake) {
        match wake {
            Wake::Socket(SocketEvent::Frame(frame)) => self.session.frame(now, &frame),
            Wake::Socket(SocketEvent::Heard) => self.session.heard(now),
            Wake::Socket(SocketEvent::Closed(closure)) => {
                tracing::debug!(%closure, "the socket ended");
                self.socket = None;
                self.session.closed(now, closure);
            }
            Wake::Opened(opened) => self.opened(now, opened),
            Wake::Call(Some(Call { ticket, command, answer })) => {
                // What was given up before the call must be out of its way: it may use an id again.
                self.take_abandoned();
                self.answers.insert(ticket, answer);
                self.session.submit(now, ticket, command);
            }
            Wake::Call(None) => {
                self.orphaned = true;
                self.session.stop(now, None);
            }
            Wake::Abandoned => self.take_abandoned(),
            Wake::Other => {}
        }
    }

    fn take_abandoned(&mut self) {
        for abandoned in self.shared.take_abandoned() {
            match abandoned {
                Abandoned::Call(ticket) => {
                    if self.answers.remove(&ticket).is_some() {
                        self.session.abandon(ticket);
                    }
                }
                Abandoned::Stream { stream_id, writer } => self.session.abandon_stream(&stream_id, writer),
            }
        }
    }

    fn opened(&mut self, now: Moment, opened: Result<(Socket, String, Connector)>) {
        self.opening = None;
        match opened {
            Ok((socket, url, connector)) => {
                self.socket = Some(socket);
                self.url = Some(url);
                self.connector = connector;
                self.session.opened(now);
            }
            Err(error) => {
                tracing::debug!(%error, "no socket was opened");
                self.session.open_failed(now, error);
            }
        }
    }

    /// Does what the session wants done.
    fn perform(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Write(frame) => {
                    if let Some(socket) = &mut self.socket {
                        socket.write(frame);
                    }
                }
                Output::Complete(ticket, result) => {
                    if let Some(answer) = self.answers.remove(&ticket) {
                        // A caller that is gone meanwhile does not want the answer.
                        _ = answer.send(result);
                    }
                }
                Output::Event(event) => {
                    tracing::trace!(?event, "event");
                    self.publish_status();
                    self.shared.delivery().deliver(self.clock.now(), event);
                }
                Output::Open(target) => self.wanted = Some(target),
                Output::Abandon => {
                    self.wanted = None;
                    self.opening = None;
                    self.socket = None;
                }
                Output::Close => {
                    if let Some(socket) = &mut self.socket {
                        socket.close();
                    }
                }
            }
        }
        self.publish_status();
        if self.wanted.is_some() && self.shared.delivery().has_reserve() {
            self.opening = self.wanted.take().map(|target| self.open(target));
        }
    }

    fn publish_status(&self) {
        self.shared.set_status(self.session.state(), self.session.connection());
    }

    fn open(&self, target: Target) -> Opening {
        let url = self.url.clone().filter(|_| target != Target::New);
        let (credential, mut connector) = (self.credential.clone(), self.connector.clone());
        let codec = self.options.codec.clone();
        Box::pin(async move {
            let url = match url {
                Some(url) => url,
                None => credential.url().await?,
            };
            let target: Url = session_url(&url, &target)?;
            let stream = connector.open(&target, codec.name()).await?;
            Ok((Socket::new(stream), url, connector))
        })
    }

    /// Looks whether the socket may be read, and tells the session when that changes.
    fn note_reading(&mut self) -> bool {
        let reading = self.shared.delivery().has_room();
        if reading == self.pause.is_none() {
            return reading;
        }
        let now = self.clock.now();
        self.session.set_reading(now, reading);
        if reading {
            self.pause = None;
            self.shared.delivery().resumed(now);
        } else {
            self.pause = Some(Pause { since: now, taken: self.room.taken() });
        }
        reading
    }

    fn stall_deadline(&self) -> Option<Moment> {
        let pause = self.pause.as_ref().filter(|_| self.session.waits_for_answers())?;
        Some(pause.since + self.options.stall_timeout)
    }

    fn deadline(&self) -> Option<Moment> {
        // While nothing is read, streams cannot be blamed for being idle.
        let streams = self.shared.delivery().deadline().filter(|_| self.pause.is_none());
        [self.session.deadline(), self.stall_deadline(), streams].into_iter().flatten().min()
    }

    fn tick(&mut self, now: Moment) {
        if self.session.deadline().is_some_and(|deadline| deadline <= now) {
            self.session.tick(now);
        }
        if self.pause.is_none() {
            self.shared.delivery().tick(now);
        } else if self.stall_deadline().is_some_and(|deadline| deadline <= now) {
            self.check_stall(now);
        }
    }

    /// Answers cannot be read before somebody takes events. Who waits for one instead of taking events would wait for ever.
    fn check_stall(&mut self, now: Moment) {
        let taken = self.room.taken();
        let Some(pause) = &mut self.pause else { return };
        if pause.taken == taken {
            tracing::warn!("nobody takes the client's events, so answers that are behind them are given up");
            self.session.stalled();
        }
        *pause = Pause { since: now, taken };
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Also when the runtime goes away under a client that is used from elsewhere.
        self.shared.set_status(crate::session::State::Stopped, None);
        self.shared.calls().abandon();
        for (_, answer) in self.answers.drain() {
            _ = answer.send(Err(Error::Stopped { ack_id: None }));
        }
    }
}
