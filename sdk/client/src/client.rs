//! The client.

use std::sync::Arc;

use crate::{
    builder::ClientBuilder,
    credential::Credential,
    data::Data,
    delivery::Events,
    driver::{Connector, Driver},
    error::{Error, Result},
    event::GroupState,
    options::Options,
    request::{GroupRequest, Invoke, OpenGroupStream, SendEvent, SendToGroup},
    session::{Command, Completion, State},
    shared::{Abandoned, Shared},
    stream::{GroupStreams, GroupStreamsOptions},
    wire::ClientMessage,
};

/// A realtime client of the service: one connection, with the groups, streams and requests that go over it.
///
/// It is cheap to clone, and all clones are the same client. When the last one is dropped, the client stops.
///
/// Its task runs on the tokio runtime in which [`start`](Self::start) was first called, of either flavour.
#[derive(Clone, Debug)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: Options,
    credential: Credential,
    connector: Connector,
    shared: Arc<Shared>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.calls().orphan();
    }
}

impl Client {
    /// A client with the default options, that speaks reliable JSON. `credential` is a client access URL or a [`Credential`].
    pub fn new(credential: impl Into<Credential>) -> Self {
        Self::builder(credential).build()
    }

    /// A client with options of your own.
    pub fn builder(credential: impl Into<Credential>) -> ClientBuilder {
        ClientBuilder::new(credential.into())
    }

    pub(crate) fn from_parts(
        options: Options,
        credential: Credential,
        connector: Connector,
        shared: Shared,
    ) -> Self {
        Self(Arc::new(Inner { options, credential, connector, shared: Arc::new(shared) }))
    }

    /// Connects, and returns when the service has greeted the client.
    ///
    /// A first attempt that fails is not repeated: the client is stopped again. From then on the client reconnects by itself.
    ///
    /// # Errors
    /// [`Error::AlreadyStarted`], [`Error::Credential`], [`Error::Connect`], [`Error::InvalidArgument`] for a URL that is none, or
    /// [`Error::Stopped`] if [`stop`](Self::stop) is called meanwhile.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start(&self) -> Result<()> {
        self.run_driver();
        self.call(Command::Start).await.map(drop)
    }

    /// Closes the connection with code 1000, which ends the session at once, and returns when the client is stopped.
    ///
    /// Requests that were written are given the time that the service takes to answer the close, three seconds at most; then whatever is
    /// unanswered fails with [`Error::Stopped`]. A client that is stopped can be started again; it remembers its groups.
    pub async fn stop(&self) {
        // A client without a driver is a stopped one.
        _ = self.call(Command::Stop).await;
    }

    fn run_driver(&self) {
        let Inner { options, credential, connector, shared } = &*self.0;
        if shared.calls().drive() {
            let driver = Driver::new(options.clone(), credential.clone(), connector.clone(), shared.clone());
            tokio::spawn(driver.run());
        }
    }

    pub(crate) async fn call(&self, command: Command) -> Result<Completion> {
        let (ticket, answered) = self.0.shared.calls().add(command)?;
        let mut guard = CallGuard { shared: &self.0.shared, ticket, answered: false };
        let result = answered.await.unwrap_or(Err(Error::Stopped { ack_id: None }));
        guard.answered = true;
        result
    }

    /// A number for a stream's writer, to tell it from others that have the stream's id before or after.
    pub(crate) fn next_writer(&self) -> u64 {
        self.0.shared.calls().next_ticket()
    }

    pub(crate) fn abandon_stream(&self, stream_id: &str, writer: u64) {
        self.0.shared.abandon(Abandoned::Stream { stream_id: stream_id.to_owned(), writer });
    }

    /// What the client is doing about its connection.
    pub fn state(&self) -> State {
        self.0.shared.status().state
    }

    /// The connection id of the session, if there is one.
    pub fn connection_id(&self) -> Option<String> {
        self.0.shared.status().connection_id
    }

    /// The user of the session, if there is one.
    pub fn user_id(&self) -> Option<String> {
        self.0.shared.status().user_id
    }

    /// The client's events from now on. Call it before [`start`](Self::start) to miss none.
    ///
    /// Every listener has a buffer of its own. While one is full the client does not read from its socket, so a slow listener slows the
    /// client down: see "Slow listeners" in the crate documentation.
    pub fn events(&self) -> Events {
        self.0.shared.delivery().subscribe(|_| true)
    }

    pub(crate) fn events_of(&self, wants: fn(&crate::Event) -> bool) -> Events {
        self.0.shared.delivery().subscribe(wants)
    }

    /// The group streams that begin from now on. Their fragments are [group messages](crate::Event::GroupMessage) too.
    pub fn group_streams(&self, options: GroupStreamsOptions) -> GroupStreams {
        self.0.shared.delivery().read_streams(options)
    }

    /// Becomes a member of a group. The client remembers it, and joins again in a new session.
    pub fn join_group(&self, group: impl Into<String>) -> GroupRequest {
        self.group_request(group, |group| ClientMessage::JoinGroup { group, ack_id: None })
    }

    /// Is no member of a group any more.
    pub fn leave_group(&self, group: impl Into<String>) -> GroupRequest {
        self.group_request(group, |group| ClientMessage::LeaveGroup { group, ack_id: None })
    }

    /// Publishes to a group.
    pub fn send_to_group(&self, group: impl Into<String>, data: impl Into<Data>) -> SendToGroup {
        SendToGroup::new(self, group.into(), data.into())
    }

    /// Tells the application server something. It is acknowledged when an event handler has taken it, whose answer, if any, comes
    /// before as a [server message](crate::Event::ServerMessage).
    pub fn send_event(&self, event: impl Into<String>, data: impl Into<Data>) -> SendEvent {
        SendEvent::new(self, event.into(), data.into())
    }

    /// Asks the application server something, and waits for the answer.
    pub fn invoke(&self, event: impl Into<String>) -> Invoke {
        Invoke::new(self, event.into())
    }

    /// Opens a stream to a group.
    pub fn open_group_stream(&self, group: impl Into<String>) -> OpenGroupStream {
        OpenGroupStream::new(self, group.into())
    }

    /// Sets this connection's state in a group that it is a member of. The client sets it again in a new session.
    pub fn set_group_state(&self, group: impl Into<String>, state: GroupState) -> GroupRequest {
        self.group_request(group, |group| ClientMessage::SetGroupState {
            group,
            ack_id: None,
            state: Some(state),
        })
    }

    /// Clears this connection's state in a group.
    pub fn clear_group_state(&self, group: impl Into<String>) -> GroupRequest {
        self.group_request(group, |group| ClientMessage::SetGroupState { group, ack_id: None, state: None })
    }

    /// Subscribes to the states of a group's members: a [snapshot](crate::Event::GroupStateSnapshot) follows, and then
    /// [what changes](crate::Event::GroupStateUpdate). The client subscribes again in a new session.
    pub fn subscribe_group_state(&self, group: impl Into<String>) -> GroupRequest {
        self.group_request(group, |group| ClientMessage::SubscribeGroupState { group, ack_id: None })
    }

    /// Wants no more states of a group.
    pub fn unsubscribe_group_state(&self, group: impl Into<String>) -> GroupRequest {
        self.group_request(group, |group| ClientMessage::UnsubscribeGroupState { group, ack_id: None })
    }

    fn group_request(
        &self,
        group: impl Into<String>,
        message: impl FnOnce(String) -> ClientMessage,
    ) -> GroupRequest {
        GroupRequest::new(self, group.into(), message)
    }
}

/// Tells the driver when a call is dropped before its answer.
struct CallGuard<'a> {
    shared: &'a Shared,
    ticket: u64,
    answered: bool,
}

impl Drop for CallGuard<'_> {
    fn drop(&mut self) {
        if !self.answered && !self.shared.calls().remove(self.ticket) {
            self.shared.abandon(Abandoned::Call(self.ticket));
        }
    }
}
