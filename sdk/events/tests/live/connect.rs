use http::StatusCode;
use serde_json::json;
use webpubsub_events::{ClientProtocol, ConnectRequest, Event};

use crate::client::{Client, JSON};
use crate::stage::Stage;

async fn told(stage: &mut Stage) -> ConnectRequest {
    match stage.event().await {
        Event::Connect(request) => request,
        other => panic!("expected connect, got {other:?}"),
    }
}

#[tokio::test]
async fn the_application_is_told_who_wants_to_connect() {
    let mut stage = Stage::new().await;
    let url = format!("{}&id=7&id=8", stage.hubwire.client_url);
    let client = Client::connect(&url, "a.example, json.webpubsub.azure.v1").await.unwrap();
    let request = told(&mut stage).await;
    assert_eq!(request.query.get_all("id"), ["7", "8"]);
    assert_eq!(request.query.get("access_token"), None);
    assert!(request.claims.get_all("role").contains(&"webpubsub.joinLeaveGroup".to_owned()));
    assert_eq!(request.subprotocols, ["a.example", JSON]);
    assert_eq!(request.header("HOST"), Some(&stage.hubwire.endpoint["http://".len()..]));
    assert_eq!((request.context.hub.as_str(), request.context.origin.as_str()), ("chat", "127.0.0.1"));
    assert_eq!(request.context.event_name, "connect");
    assert_eq!(request.context.event_id.as_deref(), Some("0"));
    assert_eq!(request.context.client_protocol(), ClientProtocol::Default);
    assert_eq!(client.subprotocol.as_deref(), Some(JSON));
}

#[tokio::test]
async fn the_application_chooses_the_user() {
    let stage = Stage::new().await;
    let mut client = stage.connect("wish=user", JSON).await.unwrap();
    assert_eq!(client.receive_json().await["userId"], "Jürgen");
}

#[tokio::test]
async fn the_application_chooses_groups_and_roles() {
    let stage = Stage::new().await;
    let mut client = stage.connect("wish=groups", JSON).await.unwrap();
    assert_eq!(client.receive_json().await["event"], "connected");
    for (group, success) in [("g1", true), ("g2", false)] {
        let message = json!({ "type": "sendToGroup", "group": group, "ackId": 1, "noEcho": true, "data": 1 });
        client.send_json(message).await;
        assert_eq!(client.receive_json().await["success"], success, "{group}");
    }
    client.send_json(json!({ "type": "sendToGroup", "group": "g1", "data": "hi" })).await;
    let message = client.receive_json().await;
    assert_eq!((&message["group"], &message["data"]), (&json!("g1"), &json!("hi")));
}

#[tokio::test]
async fn the_application_chooses_a_subprotocol_that_the_service_does_not_know() {
    let stage = Stage::new().await;
    let client = stage.connect("wish=subprotocol", "a.example, b.example").await.unwrap();
    assert_eq!(client.subprotocol.as_deref(), Some("b.example"));
    let client = stage.connect("wish=nothing", "a.example, b.example").await.unwrap();
    assert_eq!(client.subprotocol, None);
}

#[tokio::test]
async fn a_refused_client_gets_the_status_of_the_refusal() {
    let stage = Stage::new().await;
    for (wish, status) in [("unauthorized", StatusCode::UNAUTHORIZED), ("forbidden", StatusCode::FORBIDDEN)] {
        assert_eq!(stage.connect(&format!("wish={wish}"), JSON).await.err(), Some(status));
    }
}
