use serde_json::json;
use webpubsub_events::Event;

use crate::client::JSON;
use crate::hubwire::PRIMARY;
use crate::stage::{Mount, Stage, connection_string};

/// What happened, in a few words.
fn story(event: &Event) -> String {
    match event {
        Event::Connect(_) => "connect".to_owned(),
        Event::Connected(_) => "connected".to_owned(),
        Event::GroupJoined(request) => format!("joined {}", request.group),
        Event::GroupLeft(request) => format!("left {}", request.group),
        Event::Disconnected(_) => "disconnected".to_owned(),
        other => panic!("unexpected: {other:?}"),
    }
}

#[tokio::test]
async fn the_application_is_told_the_life_of_a_connection_in_order() {
    let mut stage = Stage::new().await;
    let mut client = stage.connect("wish=member", JSON).await.unwrap();
    let connection_id = client.receive_json().await["connectionId"].as_str().unwrap().to_owned();
    for (kind, group) in [("joinGroup", "a"), ("joinGroup", "b"), ("leaveGroup", "a")] {
        client.send_json(json!({ "type": kind, "group": group, "ackId": 1 + u64::from(group == "b") + 2 * u64::from(kind == "leaveGroup") })).await;
        assert_eq!(client.receive_json().await["success"], true);
    }
    client.close().await;
    let mut stories = Vec::new();
    for _ in 0..7 {
        let event = stage.event().await;
        assert_eq!(event.context().connection_id, connection_id);
        assert_eq!(event.context().hub, "chat");
        stories.push(story(&event));
    }
    let expected = ["connect", "connected", "joined a", "joined b", "left a", "left b", "disconnected"];
    assert_eq!(stories, expected);
}

#[tokio::test]
async fn a_disconnected_event_says_why() {
    let mut stage = Stage::new().await;
    let mut client = stage.connect("", JSON).await.unwrap();
    client.receive_json().await;
    // A message that is none ends the connection.
    client.send(tokio_websockets::Message::text("nonsense")).await;
    loop {
        if let Event::Disconnected(request) = stage.event().await {
            assert!(request.reason.is_some_and(|reason| !reason.is_empty()));
            assert!(request.mqtt.is_none());
            return;
        }
    }
}

#[tokio::test]
async fn a_notification_whose_handler_failed_is_told_again() {
    let mut stage = Stage::new().await;
    let _client = stage.connect("wish=unlucky", JSON).await.unwrap();
    assert_eq!(story(&stage.event().await), "connect");
    let (first, second) = (stage.event().await, stage.event().await);
    assert_eq!((story(&first), story(&second)), ("connected".to_owned(), "connected".to_owned()));
    assert!(first.context().event_id.is_some());
    assert_eq!(first.context().event_id, second.context().event_id);
}

#[tokio::test]
async fn notifications_can_be_answered_before_they_are_handled() {
    let mut stage = Stage::with(Mount::AxumLayer, |webhook| {
        webhook
            .connection_string(&connection_string(PRIMARY))
            .spawn_notifications(|notification| drop(tokio::spawn(notification)))
    })
    .await;
    let client = stage.connect("", JSON).await.unwrap();
    client.close().await;
    let mut stories: Vec<_> = Vec::new();
    for _ in 0..3 {
        stories.push(story(&stage.event().await));
    }
    stories.sort();
    assert_eq!(stories, ["connect", "connected", "disconnected"]);
}
