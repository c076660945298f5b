use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    BoxError, ConnectFailure, ConnectRequest, ConnectResponse, ConnectedRequest, DisconnectedRequest,
    GroupJoinedRequest, GroupLeftRequest, UserEventFailure, UserEventRequest, UserEventResponse,
};

/// An application's side of a hub. What it does not say, it accepts.
///
/// `connect` and `user_event` are questions: a client, or its message, waits for the answer. The others tell what has happened; their answers
/// change nothing for clients. Events of different connections come at the same time.
///
/// A service may send an event again whose answer it did not get. [`ConnectionContext::event_id`](crate::ConnectionContext::event_id) tells
/// repetitions. If the service gives up waiting, it closes its request, and HTTP servers such as hyper then drop the handler's future.
///
/// ```
/// use webpubsub_events::{
///     ConnectFailure, ConnectRequest, ConnectResponse, EventHandler, Rejection, UserEventFailure, UserEventRequest,
///     UserEventResponse, async_trait,
/// };
///
/// struct Chat;
///
/// #[async_trait]
/// impl EventHandler for Chat {
///     async fn connect(&self, request: ConnectRequest) -> Result<ConnectResponse, ConnectFailure> {
///         let name = request.query.get("name").ok_or_else(|| Rejection::unauthorized("a name is needed"))?;
///         Ok(ConnectResponse::new().user_id(name).state("greeted", false)?)
///     }
///
///     async fn user_event(&self, request: UserEventRequest) -> Result<UserEventResponse, UserEventFailure> {
///         Ok(UserEventResponse::text(format!("Hey {}", request.data.as_text().unwrap_or("you"))))
///     }
/// }
/// ```
#[async_trait]
#[allow(
    unused_variables,
    reason = "what a method is given has its name in the documentation, also where the default does not need it"
)]
pub trait EventHandler: Send + Sync + 'static {
    /// A client wants to connect.
    async fn connect(&self, request: ConnectRequest) -> Result<ConnectResponse, ConnectFailure> {
        Ok(ConnectResponse::new())
    }

    /// A client sent something to the application.
    async fn user_event(&self, request: UserEventRequest) -> Result<UserEventResponse, UserEventFailure> {
        Ok(UserEventResponse::new())
    }

    /// A client has connected. An error is logged, and answered with 500.
    async fn connected(&self, request: ConnectedRequest) -> Result<(), BoxError> {
        Ok(())
    }

    /// A connection has ended. An error is logged, and answered with 500.
    async fn disconnected(&self, request: DisconnectedRequest) -> Result<(), BoxError> {
        Ok(())
    }

    /// A connection has joined a group. An error is logged, and answered with 500.
    async fn group_joined(&self, request: GroupJoinedRequest) -> Result<(), BoxError> {
        Ok(())
    }

    /// A connection has left a group. An error is logged, and answered with 500.
    async fn group_left(&self, request: GroupLeftRequest) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Shared handlers are handlers: `Arc<Chat>`, `Arc<dyn EventHandler>`.
#[async_trait]
impl<H: EventHandler + ?Sized> EventHandler for Arc<H> {
    async fn connect(&self, request: ConnectRequest) -> Result<ConnectResponse, ConnectFailure> {
        (**self).connect(request).await
    }

    async fn user_event(&self, request: UserEventRequest) -> Result<UserEventResponse, UserEventFailure> {
        (**self).user_event(request).await
    }

    async fn connected(&self, request: ConnectedRequest) -> Result<(), BoxError> {
        (**self).connected(request).await
    }

    async fn disconnected(&self, request: DisconnectedRequest) -> Result<(), BoxError> {
        (**self).disconnected(request).await
    }

    async fn group_joined(&self, request: GroupJoinedRequest) -> Result<(), BoxError> {
        (**self).group_joined(request).await
    }

    async fn group_left(&self, request: GroupLeftRequest) -> Result<(), BoxError> {
        (**self).group_left(request).await
    }
}
