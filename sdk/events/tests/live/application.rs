use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::StatusCode;
use tokio::sync::mpsc::UnboundedSender;
use webpubsub_events::{
    BoxError, ConnectFailure, ConnectRequest, ConnectResponse, ConnectedRequest, Data, DataType,
    DisconnectedRequest, Event, EventHandler, GroupJoinedRequest, GroupLeftRequest, Rejection,
    UserEventFailure, UserEventRequest, UserEventResponse, async_trait,
};

/// Answers by what clients wish, and tells the test everything.
pub(crate) struct Application {
    events: UnboundedSender<Event>,
    /// Whether the unlucky user has had the failure.
    failed: AtomicBool,
}

/// The user for whom the first `connected` fails.
const UNLUCKY: &str = "unlucky";

impl Application {
    pub(crate) fn new(events: UnboundedSender<Event>) -> Self {
        Self { events, failed: AtomicBool::new(false) }
    }

    fn tell(&self, event: Event) -> Result<(), BoxError> {
        Ok(self.events.send(event)?)
    }
}

#[async_trait]
impl EventHandler for Application {
    async fn connect(&self, request: ConnectRequest) -> Result<ConnectResponse, ConnectFailure> {
        self.events.send(Event::Connect(request.clone()))?;
        let accepted = ConnectResponse::new();
        Ok(match request.query.get("wish").unwrap_or("nothing") {
            "user" => accepted.user_id("Jürgen").state("calledTime", 0)?,
            "groups" => accepted.user_id("u").groups(["g1", "g2"]).roles(["webpubsub.sendToGroup.g1"]),
            "member" => accepted.roles(["webpubsub.joinLeaveGroup"]),
            "subprotocol" => accepted.subprotocol("b.example"),
            "unauthorized" => return Err(Rejection::unauthorized("no").into()),
            "forbidden" => return Err(Rejection::new(StatusCode::FORBIDDEN).into()),
            "unlucky" => accepted.user_id(UNLUCKY),
            _ => accepted,
        })
    }

    async fn user_event(&self, request: UserEventRequest) -> Result<UserEventResponse, UserEventFailure> {
        self.events.send(Event::User(request.clone()))?;
        let context = &request.context;
        Ok(match context.event_name.as_str() {
            "text" => UserEventResponse::text("grüße"),
            "json" => UserEventResponse::json(&serde_json::json!({ "sum": 3 }))?,
            "binary" => UserEventResponse::binary(vec![0, 255]),
            "protobuf" => UserEventResponse::protobuf(vec![10, 0]),
            "metadata" => UserEventResponse::text("traced").metadata("Trace-Id", "t 1")?,
            "count" => {
                let called_time = context.states.get::<u64>("calledTime")?.unwrap_or_default() + 1;
                UserEventResponse::text(called_time.to_string()).state("calledTime", called_time)?
            }
            "forget" => UserEventResponse::new().clear_states(),
            "add" => {
                let numbers: Vec<i64> =
                    request.data.json().map_err(|_| Rejection::bad_request("not numbers"))?;
                UserEventResponse::json(&numbers.iter().sum::<i64>())?
            }
            "fail" => return Err(Rejection::bad_request("no").into()),
            // Frames of simple clients.
            "message" => match (&request.data, request.data.data_type()) {
                (Data::Text(text), _) if text == "json" => UserEventResponse::json(&[1, 2])?,
                (Data::Text(text), _) if text == "nothing" => UserEventResponse::new(),
                (_, DataType::Binary) => UserEventResponse::binary(Bytes::from_static(&[9])),
                (data, _) => UserEventResponse::reply(data.clone()),
            },
            _ => UserEventResponse::new(),
        })
    }

    async fn connected(&self, request: ConnectedRequest) -> Result<(), BoxError> {
        let unlucky = request.context.user_id.as_deref() == Some(UNLUCKY);
        self.tell(Event::Connected(request))?;
        if unlucky && !self.failed.swap(true, Ordering::Relaxed) {
            return Err("the first time fails".into());
        }
        Ok(())
    }

    async fn disconnected(&self, request: DisconnectedRequest) -> Result<(), BoxError> {
        self.tell(Event::Disconnected(request))
    }

    async fn group_joined(&self, request: GroupJoinedRequest) -> Result<(), BoxError> {
        self.tell(Event::GroupJoined(request))
    }

    async fn group_left(&self, request: GroupLeftRequest) -> Result<(), BoxError> {
        self.tell(Event::GroupLeft(request))
    }
}
