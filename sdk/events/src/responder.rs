use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use crate::mqtt::{self, MqttConnectCode, MqttRejection};
use crate::states::StateChanges;
use crate::{
    BoxError, ConnectFailure, ConnectResponse, Error, Event, Rejection, States, UserEventFailure,
    UserEventResponse, attributes,
};

/// The body of an answer when a handler failed. What failed is in the log alone.
const FAILED: &str = "The event handler failed.";
const JSON: &str = "application/json; charset=utf-8";

/// What is to be known of an event to answer it, when the event itself has been given away.
///
/// [`Webhook`](crate::Webhook) uses it; it is public for those who read events with an [`EventReader`](crate::EventReader).
#[derive(Debug, Clone)]
pub struct Responder {
    connection_id: String,
    event_name: String,
    states: States,
    /// The level of the protocol, if it is known, of an MQTT client.
    mqtt: Option<Option<u8>>,
}

/// The body of a refusal of an MQTT client.
#[derive(Serialize)]
struct MqttRefusal<'a> {
    mqtt: &'a MqttRejection,
}

impl Responder {
    /// For an event.
    pub fn of(event: &Event) -> Self {
        let context = event.context();
        let protocol_version = match event {
            Event::Connect(request) => request.mqtt.as_ref().map(|mqtt| mqtt.protocol_version),
            _ => None,
        };
        Self {
            connection_id: context.connection_id.clone(),
            event_name: context.event_name.clone(),
            states: context.states.clone(),
            mqtt: context.mqtt.is_some().then_some(protocol_version),
        }
    }

    /// The answer to `connect`.
    pub fn connect(&self, outcome: Result<ConnectResponse, ConnectFailure>) -> Response<Full<Bytes>> {
        match outcome {
            Ok(response) => self.admit(&response),
            Err(ConnectFailure::Rejected(rejection)) => match self.mqtt {
                Some(protocol_version) => {
                    let code = MqttConnectCode::of_status(rejection.status(), protocol_version);
                    let mut refusal = MqttRejection::new(code);
                    refusal.reason = rejection.detail().map(str::to_owned);
                    refuse_mqtt(rejection.status(), &refusal)
                }
                None => refuse(&rejection),
            },
            Err(ConnectFailure::MqttRejected(refusal)) => refuse_mqtt(refusal.code.status(), &refusal),
            Err(ConnectFailure::Failed(error)) => self.fail(&error),
        }
    }

    /// The answer to a user event.
    pub fn user_event(&self, outcome: Result<UserEventResponse, UserEventFailure>) -> Response<Full<Bytes>> {
        match outcome {
            Ok(response) => self.reply(response),
            Err(UserEventFailure::Rejected(rejection)) => refuse(&rejection),
            Err(UserEventFailure::Failed(error)) => self.fail(&error),
        }
    }

    /// The answer to an event that tells what has happened.
    pub fn notification(&self, outcome: Result<(), BoxError>) -> Response<Full<Bytes>> {
        match outcome {
            Ok(()) => Response::new(Full::default()),
            Err(error) => self.fail(&error),
        }
    }

    fn admit(&self, response: &ConnectResponse) -> Response<Full<Bytes>> {
        let mut answer = if response.is_empty() {
            with_status(StatusCode::NO_CONTENT, Bytes::new())
        } else {
            json(StatusCode::OK, response)
        };
        self.keep(&response.states, &mut answer);
        answer
    }

    fn reply(&self, response: UserEventResponse) -> Response<Full<Bytes>> {
        let content_type = response.data.as_ref().map(|data| data.data_type().content_type());
        let body = response.data.map(|data| data.into_bytes()).unwrap_or_default();
        let mut answer = with_status(StatusCode::OK, body);
        if let Some(content_type) = content_type {
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        response.metadata.write(answer.headers_mut());
        mqtt::write(answer.headers_mut(), &response.mqtt_user_properties);
        self.keep(&response.states, &mut answer);
        answer
    }

    fn keep(&self, changes: &StateChanges, answer: &mut Response<Full<Bytes>>) {
        // Base64 is always a header's value.
        let header = changes.header(&self.states).and_then(|state| HeaderValue::try_from(state).ok());
        if let Some(state) = header {
            answer.headers_mut().insert(HeaderName::from_static(attributes::STATE), state);
        }
    }

    pub(crate) fn fail(&self, error: &BoxError) -> Response<Full<Bytes>> {
        self.log(error);
        with_status(StatusCode::INTERNAL_SERVER_ERROR, Bytes::from_static(FAILED.as_bytes()))
    }

    pub(crate) fn log(&self, error: &BoxError) {
        tracing::error!(
            event = self.event_name,
            connection = self.connection_id,
            error,
            "an event handler failed"
        );
    }
}

impl Error {
    /// The answer to a request with this error: its [`status`](Self::status), and its text.
    pub fn to_response(&self) -> Response<Full<Bytes>> {
        let mut response = with_status(self.status(), Bytes::from(self.to_string()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response
    }
}

fn refuse(rejection: &Rejection) -> Response<Full<Bytes>> {
    with_status(rejection.status(), Bytes::from(rejection.detail().unwrap_or_default().to_owned()))
}

fn refuse_mqtt(status: StatusCode, refusal: &MqttRejection) -> Response<Full<Bytes>> {
    json(status, &MqttRefusal { mqtt: refusal })
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Full<Bytes>> {
    match serde_json::to_vec(value) {
        Ok(body) => {
            let mut response = with_status(status, body.into());
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
            response
        }
        Err(error) => {
            // Answers are texts, numbers and lists of them, all of which JSON has.
            tracing::error!(%error, "an answer cannot be written as JSON");
            with_status(StatusCode::INTERNAL_SERVER_ERROR, Bytes::from_static(FAILED.as_bytes()))
        }
    }
}

fn with_status(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
}
