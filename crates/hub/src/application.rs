use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use hubwire_protocol::{ConnectionId, GroupName, HubName};

use crate::{Answer, Event, TraceContext, Unanswered};

/// A client that wants to connect, as the application is asked about it.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The id that its connection would have.
    pub connection: ConnectionId,
    /// The hub.
    pub hub: HubName,
    /// The user that its token names; the application sees an empty one as none.
    pub user: Option<String>,
    /// The host that it asked for, in lower case and without a port.
    pub origin: Arc<str>,
    /// When it came, in milliseconds since 1970.
    pub raised_ms: u64,
    /// Every claim of its token, with all values.
    pub claims: Vec<(String, Vec<String>)>,
    /// Its query, without the token.
    pub query: Vec<(String, Vec<String>)>,
    /// Its request headers, without those that carry a token.
    pub headers: Vec<(String, Vec<String>)>,
    /// The subprotocols that it offers, in its order and spelling.
    pub subprotocols: Vec<String>,
    /// The certificates that it has shown in its TLS handshake, its own first.
    pub certificates: Vec<ClientCertificate>,
    /// The span that its handshake belongs to, if its client named one.
    pub cause: Option<TraceContext>,
}

/// A client's certificate, which the TLS handshake has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The SHA-1 digest of its DER form, in capital hexadecimal digits.
    pub thumbprint: String,
    /// The certificate as PEM.
    pub content: String,
}

/// What an application decided about a client that it lets in. What it does not decide stays as the token has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acceptance {
    /// The user; an empty one counts.
    pub user: Option<String>,
    /// The roles, in place of all of the token's.
    pub roles: Option<Vec<String>>,
    /// The groups, in place of all of the token's.
    pub groups: Option<Vec<GroupName>>,
    /// The subprotocol that is spoken, one of the client's offers.
    pub subprotocol: Option<String>,
    /// What is kept with the connection.
    pub state: Option<Bytes>,
}

/// Why a client is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// The application refused it, with this HTTP status.
    Refused(u16),
    /// The application could not be asked, or its answer could not be understood.
    Failed,
}

/// The future of an [`Application`]'s decision. It runs on the worker that asked, and is dropped if nobody waits for it any more.
pub type Decision<T> = Pin<Box<dyn Future<Output = T>>>;

/// The application behind a service: whoever is configured to be asked and told of what happens in its hubs.
///
/// Each worker has its own, and calls it from its own thread.
pub trait Application {
    /// Whether [`Application::admit`] would ask anybody about clients of this hub. Describing a client is work that most handshakes are spared.
    fn decides(&self, hub: &HubName) -> bool;

    /// Asks whether a client may connect. Comes back at once if nobody wants to be asked.
    fn admit(&self, attempt: Attempt) -> Decision<Result<Acceptance, Rejection>>;

    /// Asks for the answer to a user event or an invocation. It always comes, within the time-out of the application's own settings.
    fn ask(&self, event: Event) -> Decision<Result<Answer, Unanswered>>;

    /// Tells of events that nobody waits for. When this returns, they are stored: whatever a client is told afterwards of what caused
    /// them, the application will be told too. Events of one connection arrive in the order in which they are handed in.
    fn notify(&self, events: Vec<Event>);

    /// A session has gone to another process, or has come from one: see [`crate::Effect::Moved`].
    fn moved(&self, _event: &Event, _arrived: bool) {}
}

/// An application that asks nothing, answers nothing, and hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoApplication;

impl Application for NoApplication {
    fn decides(&self, _: &HubName) -> bool {
        false
    }

    fn admit(&self, _: Attempt) -> Decision<Result<Acceptance, Rejection>> {
        Box::pin(std::future::ready(Ok(Acceptance::default())))
    }

    fn ask(&self, _: Event) -> Decision<Result<Answer, Unanswered>> {
        Box::pin(std::future::ready(Err(Unanswered::Unhandled)))
    }

    fn notify(&self, _: Vec<Event>) {}
}
