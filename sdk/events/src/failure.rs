use crate::{BoxError, MqttRejection, Rejection};

/// Why [`EventHandler::connect`](crate::EventHandler::connect) does not let a client in.
///
/// Every error becomes [`Failed`](Self::Failed) with `?`.
#[derive(Debug)]
pub enum ConnectFailure {
    /// The client is refused.
    Rejected(Rejection),
    /// An MQTT client is refused with a code of MQTT.
    MqttRejected(MqttRejection),
    /// The handler failed. The answer is 500 and does not tell the error, which is logged.
    Failed(BoxError),
}

/// Why [`EventHandler::user_event`](crate::EventHandler::user_event) has no reply.
///
/// Every error becomes [`Failed`](Self::Failed) with `?`.
#[derive(Debug)]
pub enum UserEventFailure {
    /// The event is refused.
    Rejected(Rejection),
    /// The handler failed. The answer is 500 and does not tell the error, which is logged.
    Failed(BoxError),
}

impl From<Rejection> for ConnectFailure {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<MqttRejection> for ConnectFailure {
    fn from(rejection: MqttRejection) -> Self {
        Self::MqttRejected(rejection)
    }
}

impl From<Rejection> for UserEventFailure {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

// These two are possible because neither a refusal nor a failure is itself an `Error`.
impl<E: std::error::Error + Send + Sync + 'static> From<E> for ConnectFailure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for UserEventFailure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
