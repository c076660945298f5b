use serde_json::{Value, json};
use tokio_websockets::Message;
use webpubsub_events::{DataType, Event, UserEventRequest};

use crate::client::{Client, JSON};
use crate::stage::Stage;

/// A connected JSON client.
async fn json_client(stage: &Stage) -> Client {
    let mut client = stage.connect("wish=user", JSON).await.unwrap();
    assert_eq!(client.receive_json().await["event"], "connected");
    client
}

/// Sends an event and gives everything that comes back until its acknowledgement.
async fn replies(client: &mut Client, event: &str, ack_id: u64, members: Value) -> (Vec<Value>, bool) {
    let mut message =
        json!({ "type": "event", "event": event, "ackId": ack_id, "dataType": "text", "data": "" });
    message.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    client.send_json(message).await;
    let mut replies = Vec::new();
    loop {
        let received = client.receive_json().await;
        if received["type"] == "ack" {
            assert_eq!(received["ackId"], ack_id);
            return (replies, received["success"] == true);
        }
        replies.push(received);
    }
}

async fn told(stage: &mut Stage) -> UserEventRequest {
    loop {
        if let Event::User(request) = stage.event().await {
            return request;
        }
    }
}

#[tokio::test]
async fn a_json_client_gets_replies_of_every_type_before_its_acknowledgement() {
    let stage = Stage::new().await;
    let mut client = json_client(&stage).await;
    let expected = [
        ("text", json!("text"), json!("grüße")),
        ("json", json!("json"), json!({ "sum": 3 })),
        ("binary", json!("binary"), json!("AP8=")),
        ("protobuf", json!("protobuf"), json!("CgA=")),
    ];
    for (ack_id, (event, data_type, data)) in (1..).zip(expected) {
        let (replies, success) = replies(&mut client, event, ack_id, json!({})).await;
        assert!(success, "{event}");
        assert_eq!(replies.len(), 1, "{event}: {replies:?}");
        assert_eq!((&replies[0]["from"], &replies[0]["dataType"]), (&json!("server"), &data_type));
        assert_eq!(replies[0]["data"], data);
    }
    let (replies, success) = replies(&mut client, "silent", 9, json!({})).await;
    assert!(success && replies.is_empty(), "{replies:?}");
}

#[tokio::test]
async fn a_refused_event_fails_its_acknowledgement_and_keeps_the_connection() {
    let stage = Stage::new().await;
    let mut client = json_client(&stage).await;
    assert_eq!(replies(&mut client, "fail", 1, json!({})).await, (Vec::new(), false));
    assert!(replies(&mut client, "silent", 2, json!({})).await.1);
}

#[tokio::test]
async fn the_application_reads_data_of_every_type() {
    let mut stage = Stage::new().await;
    let mut client = json_client(&stage).await;
    let sent = [
        (json!({ "dataType": "text", "data": "grüße" }), DataType::Text, "grüße"),
        (json!({ "dataType": "json", "data": { "a": [1] } }), DataType::Json, r#"{"a":[1]}"#),
        (json!({ "dataType": "binary", "data": "AQI=" }), DataType::Binary, "\u{1}\u{2}"),
        (json!({ "dataType": "protobuf", "data": "CgA=" }), DataType::Protobuf, "\n\u{0}"),
    ];
    for (ack_id, (members, data_type, data)) in (1..).zip(sent) {
        assert!(replies(&mut client, "silent", ack_id, members).await.1);
        let request = told(&mut stage).await;
        assert_eq!(request.data.data_type(), data_type);
        assert_eq!(request.data.as_bytes(), data.as_bytes());
        assert_eq!(request.context.event_name, "silent");
        assert_eq!(request.context.user_id.as_deref(), Some("Jürgen"));
        assert_eq!(request.context.subprotocol.as_deref(), Some(JSON));
    }
}

#[tokio::test]
async fn metadata_goes_to_the_application_and_back() {
    let mut stage = Stage::new().await;
    let mut client = json_client(&stage).await;
    let metadata = json!({ "metadata": { "Span-Id": "s 1" } });
    let (replies, _) = replies(&mut client, "metadata", 1, metadata).await;
    assert_eq!(replies[0]["metadata"], json!({ "trace-id": "t 1" }));
    let request = told(&mut stage).await;
    assert_eq!(request.metadata.get("span-id"), Some("s 1"));
    assert_eq!(request.metadata.len(), 1);
}

#[tokio::test]
async fn states_stay_with_the_connection_until_they_are_cleared() {
    let stage = Stage::new().await;
    let mut client = json_client(&stage).await;
    let mut counted = Vec::new();
    for (ack_id, event) in (1..).zip(["count", "count", "silent", "count", "forget", "count"]) {
        let (replies, success) = replies(&mut client, event, ack_id, json!({})).await;
        assert!(success);
        counted.extend(replies.iter().map(|reply| reply["data"].as_str().unwrap().to_owned()));
    }
    assert_eq!(counted, ["1", "2", "3", "1"]);
}

#[tokio::test]
async fn an_invocation_gets_the_reply_as_its_result() {
    let stage = Stage::new().await;
    let mut client = json_client(&stage).await;
    let invoke = |id: &str, data: Value| json!({ "type": "invoke", "invocationId": id, "target": "event", "event": "add", "dataType": "json", "data": data });
    client.send_json(invoke("1", json!([1, 2]))).await;
    let response = client.receive_json().await;
    assert_eq!(
        response,
        json!({ "type": "invokeResponse", "invocationId": "1", "success": true, "dataType": "json", "data": 3 })
    );
    client.send_json(invoke("2", json!("x"))).await;
    let response = client.receive_json().await;
    assert_eq!((&response["invocationId"], &response["success"]), (&json!("2"), &json!(false)));
}

#[tokio::test]
async fn frames_of_a_simple_client_are_answered_with_frames() {
    let mut stage = Stage::new().await;
    let mut client = stage.connect("", "").await.unwrap();
    client.send(Message::text("hé")).await;
    assert_eq!(client.receive().await.as_text(), Some("hé"));
    assert_eq!(told(&mut stage).await.data.as_text(), Some("hé"));
    client.send(Message::text("nothing")).await;
    client.send(Message::text("json")).await;
    assert_eq!(client.receive().await.as_text(), Some("[1,2]"));
    client.send(Message::binary(vec![1, 2, 3])).await;
    let reply = client.receive().await;
    assert!(reply.is_binary());
    assert_eq!(&**reply.as_payload(), [9]);
}
