//! The service as a whole: health, answers, errors, a proxy in front.

use crate::hubwire::{HUB, Hubwire, Receiver};
use axum::{Router, extract::State, http::StatusCode as AxumStatusCode};
use azure_core::{
    Bytes,
    error::ErrorKind,
    http::{HttpClient, Request, StatusCode, Url, new_http_client},
};
use futures_util::TryStreamExt;
use serde_json::json;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use tokio::net::TcpListener;
use webpubsub::{
    Message, OnResponse, WebPubSubServiceClient, WebPubSubServiceClientOptions,
    models::WebPubSubServiceClientSendToAllOptions,
};

#[tokio::test]
async fn the_service_is_healthy() {
    let server = Hubwire::start().await;
    assert_eq!(server.client().health(None).await.unwrap().status(), StatusCode::Ok);
}

#[tokio::test]
async fn sending_and_removing_succeeds_also_when_nobody_is_there() {
    let server = Hubwire::start().await;
    let client = server.client();
    let hi = || Message::text("hello");
    for response in [
        client.send_to_all(hi(), None).await,
        client.send_to_user("brian", hi(), None).await,
        client.send_to_connection("xxxx", json!({ "x": 1, "y": 2 }), None).await,
        client.group("none").send_to_all(vec![0; 10], None).await,
    ] {
        assert_eq!(response.unwrap().status(), StatusCode::Accepted);
    }
    for response in [
        client.close_all_connections(None).await,
        client.close_user_connections("brian", None).await,
        client.close_connection("xxxx", None).await,
        client.group("none").close_all_connections(None).await,
        client.remove_user_from_all_groups("brian", None).await,
        client.remove_connection_from_all_groups("xxxx", None).await,
    ] {
        assert_eq!(response.unwrap().status(), StatusCode::NoContent);
    }
    assert!(!client.user_exists("brian", None).await.unwrap());
    assert!(!client.connection_exists("xxxx", None).await.unwrap());
    assert!(!client.group_exists("none", None).await.unwrap());
}

#[tokio::test]
async fn a_filter_that_is_not_valid_is_an_error_that_says_so() {
    let server = Hubwire::start().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = seen.clone();
    let on_response =
        OnResponse::new(move |response| keep.lock().unwrap().push(u16::from(response.status())));
    let options = WebPubSubServiceClientSendToAllOptions {
        filter: Some("invalid filter".into()),
        method_options: on_response.into(),
        ..Default::default()
    };
    let error = server.client().send_to_all(Message::text("hello"), Some(options)).await.unwrap_err();
    let ErrorKind::HttpResponse { status, error_code, .. } = error.kind() else { panic!("{error:?}") };
    assert_eq!(*status, StatusCode::BadRequest);
    assert_eq!(error_code.as_deref(), Some("Error.BadRequest"));
    assert!(error.to_string().contains("Invalid syntax for 'invalid filter'"), "{error}");
    assert_eq!(*seen.lock().unwrap(), [400]);
}

#[tokio::test]
async fn a_wrong_key_is_refused() {
    let server = Hubwire::start().await;
    let options = WebPubSubServiceClientOptions { allow_insecure_connection: true, ..Default::default() };
    let wrong = "another key that is long enough to be one";
    let client =
        WebPubSubServiceClient::with_access_key(&server.endpoint, wrong, HUB, Some(options)).unwrap();
    let error = client.send_to_all(Message::text("hello"), None).await.unwrap_err();
    assert_eq!(error.http_status(), Some(StatusCode::Unauthorized));
    assert!(!format!("{error:?}").contains(wrong));
}

/// A gateway in front of the server, and how many requests it passed on.
#[derive(Clone)]
struct Gateway {
    server: String,
    client: Arc<dyn HttpClient>,
    passed: Arc<AtomicUsize>,
}

impl Gateway {
    /// Starts it and returns where it is.
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(Self::pass).with_state(self.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        endpoint
    }

    async fn pass(State(this): State<Self>, request: axum::extract::Request) -> (AxumStatusCode, Bytes) {
        let (head, body) = request.into_parts();
        let url = Url::parse(&this.server).unwrap().join(&head.uri.to_string()).unwrap();
        let mut passed = Request::new(url, head.method.as_str().parse().unwrap());
        for name in ["authorization", "content-type"] {
            if let Some(value) = head.headers.get(name) {
                passed.insert_header(name, value.to_str().unwrap().to_owned());
            }
        }
        passed.set_body(axum::body::to_bytes(body, usize::MAX).await.unwrap());
        let response =
            this.client.execute_request(&passed).await.unwrap().try_into_raw_response().await.unwrap();
        this.passed.fetch_add(1, Ordering::Relaxed);
        (AxumStatusCode::from_u16(response.status().into()).unwrap(), response.into_body().into())
    }
}

#[tokio::test]
async fn requests_go_through_a_proxy_and_clients_do_not() {
    let server = Hubwire::start().await;
    let passed = Arc::new(AtomicUsize::new(0));
    let gateway =
        Gateway { server: server.endpoint.clone(), client: new_http_client(None), passed: passed.clone() };
    let options = WebPubSubServiceClientOptions {
        reverse_proxy_endpoint: Some(gateway.start().await),
        ..Default::default()
    };
    let client = server.client_with(options);
    let mut receiver = Receiver::connect(&client, "", &["room"]).await;
    assert_eq!(passed.load(Ordering::Relaxed), 0);
    client.group("room").send_to_all(Message::text("through"), None).await.unwrap();
    assert_eq!(receiver.data().await, "through");
    let members: Vec<_> = client.group("room").list_connections(None).unwrap().try_collect().await.unwrap();
    assert_eq!(members[0].connection_id, receiver.connection_id);
    assert_eq!(passed.load(Ordering::Relaxed), 2);
}
