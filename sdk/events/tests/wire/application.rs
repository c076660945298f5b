//! The application of `record.mjs`, wish by wish.

use bytes::Bytes;
use http::StatusCode;
use webpubsub_events::{
    BoxError, ConnectFailure, ConnectRequest, ConnectResponse, ConnectedRequest, Data, EventHandler,
    MqttConnectCode, MqttRejection, MqttUserProperty, MqttV311ConnectReturnCode, MqttV500ConnectReasonCode,
    Rejection, UserEventFailure, UserEventRequest, UserEventResponse, async_trait,
};

pub(crate) struct Application;

/// Sets no handler.
pub(crate) struct Bare;

impl EventHandler for Bare {}

fn rejection(code: &str) -> Rejection {
    Rejection::new(StatusCode::from_bytes(code.as_bytes()).unwrap())
}

/// Codes of both versions of MQTT, which the official middleware does not tell apart either.
fn mqtt_code(code: &str) -> MqttConnectCode {
    match code.parse().unwrap() {
        code @ 0..0x80 => MqttV311ConnectReturnCode(code).into(),
        code => MqttV500ConnectReasonCode(code).into(),
    }
}

#[async_trait]
impl EventHandler for Application {
    async fn connect(&self, request: ConnectRequest) -> Result<ConnectResponse, ConnectFailure> {
        let wish = request.query.get("wish").unwrap_or_default();
        let accepted = ConnectResponse::new();
        let property = MqttUserProperty::new("a", "b");
        Ok(match wish.split_once(' ').unwrap_or((wish, "")) {
            ("nothing", _) => accepted,
            ("all", _) => accepted
                .groups(["g1", "g2"])
                .roles(["webpubsub.sendToGroup.g1"])
                .user_id("ü")
                .subprotocol("b"),
            ("empty", _) => accepted.groups([""; 0]).roles([""; 0]),
            ("user", _) => accepted.user_id("u"),
            ("state", "and fail") => return Err(Rejection::unauthorized("no").into()),
            ("state", _) => accepted.state("calledTime", 1)?,
            ("states", _) => accepted
                .user_id("u")
                .state("z", serde_json::json!({ "b": [1, 2.5, null], "a": "ü" }))?
                .state("a", true)?
                .state("z", "last")?,
            ("fail", "silently") => return Err(Rejection::new(StatusCode::UNAUTHORIZED).into()),
            ("fail", code) => return Err(rejection(code).with_detail(format!("refused with {code}")).into()),
            ("failWith", code) => return Err(rejection(code).with_detail("Unauthorized").into()),
            ("mqtt", "refusal") => {
                let code = MqttV500ConnectReasonCode::NOT_AUTHORIZED;
                return Err(MqttRejection::new(code).reason("no").user_properties([property]).into());
            }
            ("mqtt", _) => accepted.user_id("u").mqtt_user_properties([property]),
            ("code", code) => return Err(MqttRejection::new(mqtt_code(code)).into()),
            _ => panic!("unknown wish: {wish}"),
        })
    }

    async fn user_event(&self, request: UserEventRequest) -> Result<UserEventResponse, UserEventFailure> {
        let context = &request.context;
        Ok(match context.event_name.as_str() {
            // `success()` says a type for nothing. So does this; `UserEventResponse::new()` says none.
            "silent" => UserEventResponse::binary(Bytes::new()),
            "text" => UserEventResponse::text("Hey grüße"),
            "json" => UserEventResponse::json(&serde_json::json!({ "sum": 3 }))?,
            "binary" => UserEventResponse::binary(vec![0, 255]),
            "untyped" => UserEventResponse::binary("x"),
            "empty" => UserEventResponse::text(""),
            "echo" => UserEventResponse::reply(request.data),
            "fail400" => return Err(Rejection::bad_request("no").into()),
            "fail401" => return Err(Rejection::unauthorized("no").into()),
            "fail500" => return Err(Rejection::internal("no").into()),
            "failsilently" => return Err(Rejection::new(StatusCode::UNAUTHORIZED).into()),
            "throw" => return Err(std::io::Error::other("a secret").into()),
            "count" => {
                let called_time = context.states.get::<u64>("calledTime")?.unwrap_or_default() + 1;
                UserEventResponse::reply(Data::Text(called_time.to_string()))
                    .state("calledTime", called_time)?
            }
            other => panic!("unknown event: {other}"),
        })
    }

    async fn connected(&self, request: ConnectedRequest) -> Result<(), BoxError> {
        match request.context.user_id.as_deref() {
            Some("fail") => Err("a secret".into()),
            _ => Ok(()),
        }
    }
}
