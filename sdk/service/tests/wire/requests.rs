//! What goes beyond the JavaScript SDK, and what it does in another place.

use crate::capture::{Answer, Capture, client, local};
use azure_core::{
    error::ErrorKind,
    http::{
        StatusCode,
        pager::{PagerContinuation, PagerOptions},
    },
    stream::{BytesStream, SeekableStream},
};
use futures_util::TryStreamExt;
use serde_json::json;
use std::sync::{Arc, Mutex};
use webpubsub::{Message, OnResponse, WebPubSubServiceClientOptions, models::*};

#[tokio::test]
async fn metadata_travels_in_headers_with_keys_in_lower_case() {
    let capture = Capture::new(|_| Answer::status(202));
    let client = client(&capture.serve().await, local());
    let metadata = [("Trace-Id".to_owned(), "a b".to_owned()), ("kind".to_owned(), String::new())].into();
    let options = WebPubSubServiceClientSendToUserOptions { metadata, ..Default::default() };
    client.send_to_user("u", Message::text("hi"), Some(options)).await.unwrap();
    let headers = &capture.take()[0].headers;
    assert_eq!(headers["x-webpubsub-metadata-trace-id"], "a b");
    assert_eq!(headers["x-webpubsub-metadata-kind"], "");
}

#[tokio::test]
async fn a_stream_is_sent_with_its_length() {
    let capture = Capture::new(|_| Answer::status(202));
    let client = client(&capture.serve().await, local());
    let stream: Box<dyn SeekableStream> = Box::new(BytesStream::new("streamed"));
    client.send_to_all(Message::binary(stream), None).await.unwrap();
    let request = &capture.take()[0];
    assert_eq!(request.body, "streamed");
    assert_eq!(request.headers["content-length"], "8");
    assert_eq!(request.headers["content-type"], "application/octet-stream");
}

#[tokio::test]
async fn closing_spares_excluded_connections() {
    let capture = Capture::new(|_| Answer::status(204));
    let client = client(&capture.serve().await, local());
    let excluded = || vec!["c1".to_owned(), "c 2".to_owned()];
    let all = WebPubSubServiceClientCloseAllConnectionsOptions { excluded: excluded(), ..Default::default() };
    client.close_all_connections(Some(all)).await.unwrap();
    let user =
        WebPubSubServiceClientCloseUserConnectionsOptions { excluded: excluded(), ..Default::default() };
    client.close_user_connections("u", Some(user)).await.unwrap();
    let group = WebPubSubGroupClientCloseAllConnectionsOptions { excluded: excluded(), ..Default::default() };
    client.group("g").close_all_connections(Some(group)).await.unwrap();
    let targets: Vec<_> = capture.take().into_iter().map(|request| request.target).collect();
    let query = "api-version=2024-12-01&excluded=c1&excluded=c%202";
    assert_eq!(
        targets,
        [
            format!("/api/hubs/chat/:closeConnections?{query}"),
            format!("/api/hubs/chat/users/u/:closeConnections?{query}"),
            format!("/api/hubs/chat/groups/g/:closeConnections?{query}"),
        ]
    );
}

#[tokio::test]
async fn the_health_of_the_service_is_asked_for() {
    let capture = Capture::new(|_| Answer::status(200));
    let client = client(&capture.serve().await, local());
    client.health(None).await.unwrap();
    let request = &capture.take()[0];
    assert_eq!((&*request.method, &*request.target), ("HEAD", "/api/health?api-version=2024-12-01"));
}

#[tokio::test]
async fn a_token_is_for_one_url_and_five_minutes() {
    let capture = Capture::new(|_| Answer::status(202));
    let endpoint = capture.serve().await;
    let client = client(&endpoint, local());
    client.send_to_all(Message::text("hi"), None).await.unwrap();
    let claims = capture.take()[0].claims();
    assert_eq!(claims["aud"], format!("{endpoint}/api/hubs/chat/:send?api-version=2024-12-01"));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 300);
}

#[tokio::test]
async fn a_path_of_the_endpoint_and_of_the_proxy_is_kept() {
    let capture = Capture::new(|_| Answer::status(202));
    let proxy = capture.serve().await;
    let options = WebPubSubServiceClientOptions {
        reverse_proxy_endpoint: Some(format!("{proxy}/gateway/")),
        ..local()
    };
    let client = client("https://hub.example/base/", options);
    client.send_to_all(Message::text("hi"), None).await.unwrap();
    let request = &capture.take()[0];
    assert_eq!(request.target, "/gateway/base/api/hubs/chat/:send?api-version=2024-12-01");
    assert_eq!(
        request.claims()["aud"],
        "https://hub.example/base/api/hubs/chat/:send?api-version=2024-12-01"
    );
}

#[tokio::test]
async fn arguments_that_cannot_be_valid_are_refused_before_anything_is_sent() {
    let capture = Capture::new(|_| Answer::status(202));
    let client = client(&capture.serve().await, local());
    let hi = || Message::text("hi");
    let ttl = WebPubSubServiceClientSendToAllOptions { message_ttl_seconds: Some(301), ..Default::default() };
    let metadata = WebPubSubServiceClientSendToAllOptions {
        metadata: [("a b".to_owned(), String::new())].into(),
        ..Default::default()
    };
    let never = WebPubSubServiceClientGetClientAccessTokenOptions {
        minutes_to_expire: Some(0),
        ..Default::default()
    };
    assert!(client.send_to_all(hi(), Some(ttl)).await.is_err());
    assert!(client.send_to_all(hi(), Some(metadata)).await.is_err());
    assert!(client.send_to_user("", hi(), None).await.is_err());
    assert!(client.send_to_connection("..", hi(), None).await.is_err());
    assert!(client.group(" ").send_to_all(hi(), None).await.is_err());
    assert!(client.group(" ").list_connections(None).is_err());
    for (max_page_size, top) in [(Some(0), None), (Some(201), None), (None, Some(0)), (None, Some(1 << 31))] {
        let options = WebPubSubGroupClientListConnectionsOptions { max_page_size, top, ..Default::default() };
        assert!(client.group("g").list_connections(Some(options)).is_err());
    }
    assert!(client.group_exists("", None).await.is_err());
    assert!(client.add_connections_to_groups::<&str>(&[], "", None).await.is_err());
    assert!(client.remove_connections_from_groups(&["g", ""], "", None).await.is_err());
    assert!(client.get_client_access_token(Some(never)).await.is_err());
    assert!(capture.take().is_empty());
}

#[tokio::test]
async fn an_error_has_the_code_and_the_message_of_the_service() {
    let body = json!({ "code": "Error.Connection.NotExisted", "message": "Connection `c` is not found.", "target": "Connection" });
    let capture = Capture::new(move |request| match &*request.method {
        "PUT" => Answer::json(404, body.clone()),
        "POST" => Answer::status(401),
        _ => Answer::status(409).header("x-ms-error-code", "Error.Connection.Conflict"),
    });
    let client = client(&capture.serve().await, local());

    let missing = client.group("g").add_connection("c", None).await.unwrap_err();
    assert!(missing.to_string().contains("404: Connection `c` is not found."), "{missing}");
    assert_eq!(missing.http_status(), Some(StatusCode::NotFound));
    let detail = ErrorDetail::try_from(&missing).unwrap();
    assert_eq!(detail.code.as_deref(), Some("Error.Connection.NotExisted"));
    assert_eq!(detail.target.as_deref(), Some("Connection"));

    let refused = client.send_to_all(Message::text("hi"), None).await.unwrap_err();
    assert!(refused.to_string().contains("401: the service refused the access key"), "{refused}");

    let conflict = client.connection_exists("c", None).await.unwrap_err();
    let ErrorKind::HttpResponse { error_code, .. } = conflict.kind() else { panic!("{conflict:?}") };
    assert_eq!(error_code.as_deref(), Some("Error.Connection.Conflict"));
}

#[tokio::test]
async fn a_success_that_the_api_does_not_know_is_an_error() {
    let capture = Capture::new(|_| Answer::status(200));
    let client = client(&capture.serve().await, local());
    assert!(client.send_to_all(Message::text("hi"), None).await.is_err());
    assert!(client.close_connection("c", None).await.is_err());
}

#[tokio::test]
async fn existence_checks_tell_yes_no_and_failure_apart_and_show_their_responses() {
    let capture = Capture::new(|request| match () {
        () if request.target.contains("/users/here") => Answer::status(200),
        () if request.target.contains("/users/gone") => {
            Answer::status(404).header("x-ms-error-code", "Warning.User.NotExisted")
        }
        () => Answer::status(400),
    });
    let client = client(&capture.serve().await, local());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let options = || {
        let seen = seen.clone();
        let on_response = OnResponse::new(move |response| {
            let code = response.headers().get_optional_string(&azure_core::http::headers::ERROR_CODE);
            seen.lock().unwrap().push((u16::from(response.status()), code));
        });
        Some(WebPubSubServiceClientUserExistsOptions { method_options: on_response.into() })
    };
    assert!(client.user_exists("here", options()).await.unwrap());
    assert!(!client.user_exists("gone", options()).await.unwrap());
    assert!(client.user_exists("odd", options()).await.is_err());
    let code = Some("Warning.User.NotExisted".to_owned());
    assert_eq!(*seen.lock().unwrap(), [(200, None), (404, code), (400, None)]);
}

#[tokio::test]
async fn a_response_has_status_headers_and_body() {
    let capture = Capture::new(|_| Answer::status(202).header("x-ms-request-id", "r1"));
    let client = client(&capture.serve().await, local());
    let response = client.send_to_all(Message::text("hi"), None).await.unwrap();
    assert_eq!(response.status(), StatusCode::Accepted);
    assert_eq!(response.headers().get_optional_string(&"x-ms-request-id".into()).as_deref(), Some("r1"));
    assert!(response.body().is_empty());
}

/// Three pages of one member each; links name another host, as behind a gateway that does not rewrite them.
fn pages() -> Capture {
    Capture::new(|request| {
        let page = match request.target.split_once("&continuationToken=") {
            Some((_, token)) => token.parse().unwrap(),
            None => 1,
        };
        let next = format!(
            "https://elsewhere.example/api/hubs/chat/groups/g/connections?api-version=2024-12-01&continuationToken={}",
            page + 1
        );
        let member = json!({ "connectionId": format!("c{page}"), "userId": null });
        Answer::json(200, json!({ "value": [member], "nextLink": (page < 3).then_some(next) }))
    })
}

async fn ids(pager: azure_core::http::Pager<ListConnectionsResult>) -> Vec<String> {
    pager.map_ok(|member| member.connection_id).try_collect().await.unwrap()
}

#[tokio::test]
async fn pages_are_requested_from_the_endpoint_whatever_host_their_links_name() {
    let capture = pages();
    let endpoint = capture.serve().await;
    let group = client(&endpoint, local()).group("g");
    assert_eq!(ids(group.list_connections(None).unwrap()).await, ["c1", "c2", "c3"]);
    let requests = capture.take();
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert_eq!(request.claims()["aud"], format!("{endpoint}{}", request.target));
    }
}

#[tokio::test]
async fn a_listing_goes_on_where_another_stopped() {
    let capture = pages();
    let group = client(&capture.serve().await, local()).group("g");
    let mut pages = group.list_connections(None).unwrap().into_pages();
    let first = pages.try_next().await.unwrap().unwrap().into_model().unwrap();
    assert_eq!(first.value[0].connection_id, "c1");
    assert!(first.next_link.is_some());

    let from = |continuation| {
        let method_options = PagerOptions { continuation, ..Default::default() };
        let options = WebPubSubGroupClientListConnectionsOptions { method_options, ..Default::default() };
        group.list_connections(Some(options)).unwrap()
    };
    assert_eq!(ids(from(pages.into_continuation())).await, ["c2", "c3"]);
    assert_eq!(ids(from(Some(PagerContinuation::Token("3".into())))).await, ["c3"]);
}
