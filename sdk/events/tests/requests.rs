//! Requests that no service sends: each is answered in words, and none does harm.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use proptest::prelude::*;
use tower_layer::Layer;
use tower_service::Service;
use webpubsub_events::{
    BoxError, Builder, ClientProtocol, ConnectedRequest, Error, Event, EventHandler, EventReader, Incoming,
    MqttDisconnectReasonCode, MqttUserProperty, UserEventFailure, UserEventRequest, UserEventResponse,
    Webhook, async_trait,
};

/// Echoes, with what it was told as metadata and state, so that all of it is written again.
struct Echo;

#[async_trait]
impl EventHandler for Echo {
    async fn user_event(&self, request: UserEventRequest) -> Result<UserEventResponse, UserEventFailure> {
        let mut response =
            UserEventResponse::reply(request.data.clone()).state("seen", &request.content_type)?;
        for (key, value) in request.metadata.iter() {
            // Metadata beyond the bounds of answers is left out.
            response = response.clone().metadata(key, value).unwrap_or(response);
        }
        for property in &request.mqtt_user_properties {
            response = response.clone().mqtt_user_property(property).unwrap_or(response);
        }
        Ok(response)
    }

    async fn connected(&self, _request: ConnectedRequest) -> Result<(), BoxError> {
        Err("secret".into())
    }
}

const KEY: &str = "key";
/// The signature of connection `0f1e` with [`KEY`].
const SIGNATURE: &str = "sha256=84115d2f9c7dccac1506f007b22b29d55c99bf9ba447ebc8ce4f831b1d4c230d";

fn signed() -> Builder {
    Webhook::builder("chat").access_key(KEY)
}

/// A request that a service could send.
fn event(event_type: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post("/api/webpubsub/hubs/chat/event")
        .header("webhook-request-origin", "svc.example.com")
        .header("ce-awpsversion", "1.0")
        .header("ce-type", event_type)
        .header("ce-hub", "chat")
        .header("ce-connectionid", "0f1e")
        .header("ce-eventname", "event")
        .header("ce-signature", SIGNATURE)
        .header("content-type", "text/plain")
        .body(Full::new(body.into()))
        .unwrap()
}

fn with(mut request: Request<Full<Bytes>>, name: &'static str, value: &[u8]) -> Request<Full<Bytes>> {
    request.headers_mut().insert(name, HeaderValue::from_bytes(value).unwrap());
    request
}

async fn text(response: Response<Full<Bytes>>) -> (StatusCode, String) {
    let (parts, body) = response.into_parts();
    (parts.status, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

async fn status(webhook: Builder, request: Request<Full<Bytes>>) -> u16 {
    webhook.build(Echo).unwrap().handle(request).await.status().as_u16()
}

#[tokio::test]
async fn an_event_is_taken_if_one_of_its_signatures_is_right() {
    let request = || event("azure.webpubsub.user.event", "hi");
    assert_eq!(status(signed(), request()).await, 200);
    let both = format!("sha256={},{SIGNATURE}", "0".repeat(64));
    assert_eq!(status(signed(), with(request(), "ce-signature", both.as_bytes())).await, 200);
    let mut lines = request();
    lines.headers_mut().insert("ce-signature", HeaderValue::from_static("sha256=00"));
    lines.headers_mut().append("ce-signature", HeaderValue::from_static(SIGNATURE));
    assert_eq!(status(signed(), lines).await, 200);
}

#[tokio::test]
async fn an_event_without_a_right_signature_is_refused() {
    let request = || event("azure.webpubsub.user.event", "hi");
    let mut unsigned = request();
    unsigned.headers_mut().remove("ce-signature");
    assert_eq!(status(signed(), unsigned).await, 401);
    assert_eq!(status(signed(), with(request(), "ce-connectionid", b"0f1f")).await, 401);
    assert_eq!(status(signed(), with(request(), "ce-signature", &[0xff; 71])).await, 401);
    assert_eq!(status(Webhook::builder("chat").access_key("other"), request()).await, 401);
    assert_eq!(status(Webhook::builder("chat").access_key("other").accept_unsigned(), request()).await, 200);
}

#[tokio::test]
async fn keys_are_looked_up_by_origin_and_hub() {
    let source = |origin: &str, hub: &str| match (origin, hub) {
        ("svc.example.com", "chat") => vec![webpubsub_events::AccessKey::new(KEY).unwrap()],
        _ => Vec::new(),
    };
    let webhook = || Webhook::builder("chat").access_key_source(source);
    let request = || event("azure.webpubsub.user.event", "hi");
    assert_eq!(status(webhook(), request()).await, 200);
    assert_eq!(status(webhook(), with(request(), "webhook-request-origin", b"other.example.com")).await, 401);
}

#[tokio::test]
async fn a_body_is_not_read_before_its_sender_is_known() {
    let request = event("azure.webpubsub.user.event", "");
    let (mut parts, _) = request.into_parts();
    parts.headers.insert("ce-signature", HeaderValue::from_static("sha256=00"));
    let stream =
        futures_util::stream::poll_fn(|_| -> std::task::Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            panic!("the body was read")
        });
    let webhook = signed().build(Echo).unwrap();
    let response = webhook.handle(Request::from_parts(parts, StreamBody::new(stream))).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_body_beyond_its_bound_is_refused_in_words() {
    let request = |length| event("azure.webpubsub.user.event", vec![b'x'; length]);
    assert_eq!(status(signed().body_bytes_max(10), request(10)).await, 200);
    let webhook = signed().body_bytes_max(10).build(Echo).unwrap();
    let expected = (StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 10 bytes".to_owned());
    assert_eq!(text(webhook.handle(request(11)).await).await, expected);
    // A body that does not say its length.
    let (parts, _) = request(0).into_parts();
    let frames = [b"xxx"; 4].map(|bytes| Ok::<_, BoxError>(Frame::data(Bytes::from_static(bytes))));
    let response =
        webhook.handle(Request::from_parts(parts, StreamBody::new(futures_util::stream::iter(frames)))).await;
    assert_eq!(text(response).await, expected);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let (parts, _) = event("azure.webpubsub.user.event", "").into_parts();
    let frames = [Ok(Frame::data(Bytes::from_static(b"hi"))), Err(BoxError::from("reset"))];
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let response = signed().build(Echo).unwrap().handle(Request::from_parts(parts, body)).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn json_of_any_depth_does_no_harm() {
    for body in ["[".repeat(1 << 20), format!("{}{}", "[".repeat(1 << 20), "]".repeat(1 << 20))] {
        let request = event("azure.webpubsub.user.event", body.clone());
        let answered = status(signed(), with(request, "content-type", b"application/json")).await;
        assert!([200, 400].contains(&answered), "{answered}");
        let nested = format!(r#"{{"claims":{{}},"unknown":{body}}}"#);
        let answered = status(signed(), event("azure.webpubsub.sys.connect", nested)).await;
        assert!([204, 400].contains(&answered), "{answered}");
    }
}

#[tokio::test]
async fn an_error_of_a_handler_is_not_shown() {
    let response = signed().build(Echo).unwrap().handle(event("azure.webpubsub.sys.connected", "{}")).await;
    let expected = (StatusCode::INTERNAL_SERVER_ERROR, "The event handler failed.".to_owned());
    assert_eq!(text(response).await, expected);
}

#[tokio::test]
async fn text_and_users_that_are_not_utf_8_are_refused() {
    let request = |body: &'static [u8]| event("azure.webpubsub.user.event", body);
    assert_eq!(status(signed(), request(b"\xff")).await, 400);
    assert_eq!(status(signed(), with(request(b"hi"), "ce-userid", b"\xff")).await, 400);
    assert_eq!(status(signed(), with(request(b"hi"), "ce-userid", "Jürgen".as_bytes())).await, 200);
    assert_eq!(status(signed(), with(request(b"hi"), "x-webpubsub-metadata-a", b"\xff")).await, 400);
}

#[tokio::test]
async fn secrets_are_never_shown() {
    let body = r#"{"claims":{"c":["SECRET"]},"query":{"q":["SECRET"]},"headers":{"cookie":["SECRET"]},
        "mqtt":{"protocolVersion":5,"password":"SECRET"}}"#;
    let request = with(event("azure.webpubsub.sys.connect", body), "authorization", b"Bearer SECRET");
    let reader = EventReader::builder("chat").accept_unsigned().reader().unwrap();
    let request = with(request, "ce-signature", b"sha256=SECRET");
    let Ok(Incoming::Event(event)) = reader.read(request).await else { panic!("not read") };
    let shown = format!("{event:?}");
    assert!(!shown.contains("SECRET"), "{shown}");
    assert!(shown.contains("cookie"), "{shown}");
    let Event::Connect(request) = *event else { panic!("not connect") };
    assert_eq!(request.header("Cookie"), Some("SECRET"));
    assert_eq!(request.mqtt.unwrap().password.unwrap().expose_encoded(), "SECRET");
    assert_eq!(request.context.signature(), Some("sha256=SECRET"));
}

#[test]
fn wrong_settings_are_told_when_the_webhook_is_built() {
    let error = |builder: Builder| builder.reader().err().map(|error| error.to_string()).unwrap_or_default();
    let hub = |hub: &str| Webhook::builder(hub);
    assert!(matches!(hub("chat").reader(), Err(Error::NoAccessKey)));
    assert!(matches!(hub("").accept_unsigned().reader(), Err(Error::InvalidHub)));
    assert!(matches!(hub("a b").accept_unsigned().reader(), Err(Error::InvalidHub)));
    assert!(matches!(hub("chat").access_key("").reader(), Err(Error::InvalidAccessKey)));
    assert!(matches!(signed().allowed_endpoints(["svc"]).reader(), Err(Error::InvalidEndpoint)));
    let text = error(hub("chat").connection_string("Endpoint=svc:port;AccessKey=SECRET"));
    assert!(text.contains("Endpoint") && !text.contains("SECRET"), "{text}");
}

#[tokio::test]
async fn a_socket_io_event_names_its_socket() {
    let request = with(event("azure.webpubsub.user.message", "42[\"ev\"]"), "ce-namespace", b"/ns");
    let reader = EventReader::builder("chat").accept_unsigned().reader().unwrap();
    let Ok(Incoming::Event(event)) = reader.read(with(request, "ce-socketid", b"s1")).await else {
        panic!("not read")
    };
    let socket = event.context().socket_io.as_ref().unwrap();
    assert_eq!((socket.namespace.as_str(), socket.socket_id.as_str()), ("/ns", "s1"));
    assert_eq!(event.context().client_protocol(), ClientProtocol::SocketIo);
}

#[tokio::test]
async fn an_mqtt_event_has_what_its_packets_said() {
    let reader = EventReader::builder("chat").accept_unsigned().reader().unwrap();
    let read = async |event_type: &str, body: &'static str, session: bool| {
        let request =
            with(with(event(event_type, body), "ce-subprotocol", b"MQTT"), "ce-physicalconnectionid", b"p1");
        let request = if session { with(request, "ce-sessionid", b"s1") } else { request };
        match reader.read(with(request, "mqtt-trace", b"t1")).await {
            Ok(Incoming::Event(event)) => *event,
            other => panic!("not read: {other:?}"),
        }
    };
    let connect = r#"{"mqtt":{"protocolVersion":5,"cleanStart":true,"username":"u","password":"cHc=",
        "userProperties":[{"name":"k","value":"v"}]}}"#;
    let Event::Connect(request) = read("azure.webpubsub.sys.connect", connect, false).await else { panic!() };
    let mqtt = request.mqtt.unwrap();
    assert_eq!((mqtt.protocol_version, mqtt.clean_start), (5, Some(true)));
    assert_eq!(mqtt.username.as_deref(), Some("u"));
    assert_eq!(mqtt.password.unwrap().expose().as_deref(), Some(&b"pw"[..]));
    assert_eq!(mqtt.user_properties, [MqttUserProperty::new("k", "v")]);
    let context = request.context.mqtt.unwrap();
    assert_eq!((context.physical_connection_id.as_str(), context.session_id), ("p1", None));

    let disconnected = r#"{"reason":"","mqtt":{"initiatedByClient":true,"disconnectPacket":{"code":142,"userProperties":null}}}"#;
    let Event::Disconnected(request) = read("azure.webpubsub.sys.disconnected", disconnected, true).await
    else {
        panic!()
    };
    assert_eq!(request.context.mqtt.unwrap().session_id.as_deref(), Some("s1"));
    let mqtt = request.mqtt.unwrap();
    assert!(mqtt.initiated_by_client);
    let packet = mqtt.disconnect_packet.unwrap();
    assert_eq!(packet.code, MqttDisconnectReasonCode::SESSION_TAKEN_OVER);
    assert!(packet.user_properties.is_empty());

    let Event::User(request) = read("azure.webpubsub.user.event", "hi", true).await else { panic!() };
    assert_eq!(request.mqtt_user_properties, [MqttUserProperty::new("trace", "t1")]);
}

#[tokio::test]
async fn an_mqtt_event_may_have_any_content_type() {
    let request = with(event("azure.webpubsub.user.event", "hi"), "content-type", b"image/png");
    assert_eq!(status(signed(), request.clone()).await, 415);
    let request = with(with(request, "ce-subprotocol", b"mqtt"), "ce-physicalconnectionid", b"p1");
    assert_eq!(status(signed(), request).await, 200);
}

#[tokio::test]
async fn several_hubs_can_be_layered_with_handlers_of_any_kind() {
    let chat: Arc<dyn EventHandler> = Arc::new(Echo);
    let chat = signed().path("/events").build(chat).unwrap();
    let news = Webhook::builder("news").access_key(KEY).path("/events").build(Arc::new(Echo)).unwrap();
    let nobody = Webhook::builder("nobody").accept_unsigned().build(Echo).unwrap();
    let mut service = chat.into_layer().layer(news.into_layer().layer(nobody));
    for (hub, expected) in [("chat", 200), ("NEWS", 200), ("other", 404)] {
        let mut request = with(event("azure.webpubsub.user.event", "hi"), "ce-hub", hub.as_bytes());
        *request.uri_mut() = "/EVENTS/x".parse().unwrap();
        let Ok(response) = service.call(request).await;
        assert_eq!(response.status().as_u16(), expected, "{hub}");
    }
}

const NAMES: [&str; 17] = [
    "webhook-request-origin",
    "ce-awpsversion",
    "ce-type",
    "ce-hub",
    "ce-connectionid",
    "ce-eventname",
    "ce-signature",
    "ce-userid",
    "ce-subprotocol",
    "ce-connectionstate",
    "ce-physicalconnectionid",
    "ce-sessionid",
    "ce-id",
    "content-type",
    "content-length",
    "x-webpubsub-metadata-k",
    "mqtt-k",
];

fn values() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::sample::select(
            &[
                "chat",
                "mqtt",
                "1.0",
                "0f1e",
                SIGNATURE,
                "application/json",
                "text/plain",
                "application/x-protobuf",
                "azure.webpubsub.sys.connect",
                "azure.webpubsub.sys.disconnected",
                "azure.webpubsub.gp.joined",
                "azure.webpubsub.user.x",
            ][..]
        )
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ]
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::sample::select(
            &[
                "{}",
                "null",
                r#"{"reason":1}"#,
                r#"{"group":"g"}"#,
                r#"{"query":{"a":[]},"mqtt":{"protocolVersion":4}}"#,
                r#"{"reason":"","mqtt":{"initiatedByClient":null,"disconnectPacket":null}}"#,
            ][..]
        )
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..80),
    ]
}

fn answered(webhook: &Webhook<Echo>, request: Request<Full<Bytes>>) -> (StatusCode, HeaderMap) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (parts, _) = runtime.block_on(webhook.handle(request)).into_parts();
    (parts.status, parts.headers)
}

proptest! {
    #[test]
    fn whatever_is_sent_is_answered(
        method in prop::sample::select(&[Method::POST, Method::OPTIONS, Method::GET, Method::PUT][..]),
        headers in prop::collection::vec((prop::sample::select(&NAMES[..]), values()), 0..24),
        body in bodies(),
        unsigned in any::<bool>(),
    ) {
        let mut request = event("azure.webpubsub.user.event", body);
        *request.method_mut() = method;
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        let builder = if unsigned { signed().accept_unsigned() } else { signed() };
        let (status, _) = answered(&builder.build(Echo).unwrap(), request);
        let known = [200, 204, 400, 401, 404, 413, 415, 500];
        prop_assert!(known.contains(&status.as_u16()), "{status}");
    }

    #[test]
    fn metadata_and_user_properties_come_back(key in "[a-z0-9-]{1,8}", value in "([!-~]([ -~]{0,8}[!-~])?)?") {
        let mut request = event("azure.webpubsub.user.event", "hi");
        request.headers_mut().insert("ce-subprotocol", HeaderValue::from_static("mqtt"));
        request.headers_mut().insert("ce-physicalconnectionid", HeaderValue::from_static("p"));
        for prefix in ["x-webpubsub-metadata-", "mqtt-"] {
            let name = HeaderName::try_from(format!("{prefix}{key}")).unwrap();
            request.headers_mut().insert(name, HeaderValue::try_from(&value).unwrap());
        }
        let (status, headers) = answered(&signed().build(Echo).unwrap(), request);
        prop_assert_eq!(status, StatusCode::OK);
        for prefix in ["x-webpubsub-metadata-", "mqtt-"] {
            prop_assert_eq!(headers.get(format!("{prefix}{key}")).unwrap(), value.as_str());
        }
    }
}
