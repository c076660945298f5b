use http::StatusCode;

use crate::client::JSON;
use crate::hubwire::{PRIMARY, SECONDARY};
use crate::stage::{Mount, Stage, connection_string};

#[tokio::test]
async fn events_are_verified_with_either_key() {
    for key in [PRIMARY, SECONDARY] {
        let stage = Stage::with(Mount::AxumLayer, |webhook| webhook.access_key(key)).await;
        assert!(stage.connect("", JSON).await.is_ok());
    }
}

#[tokio::test]
async fn events_of_a_service_with_another_key_are_refused() {
    let stage = Stage::with(Mount::AxumLayer, |webhook| webhook.access_key("another key")).await;
    assert_eq!(stage.connect("", JSON).await.err(), Some(StatusCode::UNAUTHORIZED));
}

#[tokio::test]
async fn the_key_of_a_connection_string_counts_for_its_host_alone() {
    let ours = connection_string(SECONDARY);
    let stage = Stage::with(Mount::AxumLayer, |webhook| {
        webhook.connection_string(&ours.replace("127.0.0.1", "other.example.com"))
    })
    .await;
    assert_eq!(stage.connect("", JSON).await.err(), Some(StatusCode::UNAUTHORIZED));
    let stage = Stage::with(Mount::AxumLayer, |webhook| {
        webhook.connection_string(&ours.replace("127.0.0.1", "localhost:8080"))
    })
    .await;
    assert!(stage.connect("", JSON).await.is_ok());
}

#[tokio::test]
async fn unsigned_events_can_be_accepted() {
    let stage =
        Stage::with(Mount::AxumLayer, |webhook| webhook.access_key("another key").accept_unsigned()).await;
    assert!(stage.connect("", JSON).await.is_ok());
}

#[tokio::test]
async fn a_service_that_is_not_among_the_allowed_endpoints_sends_no_events() {
    let allow = async |endpoint| {
        let stage = Stage::with(Mount::AxumLayer, |webhook| {
            webhook.access_key(PRIMARY).allowed_endpoints([endpoint])
        })
        .await;
        stage.connect("", JSON).await.err()
    };
    assert_eq!(allow("http://127.0.0.1:8080").await, None);
    assert_eq!(allow("https://other.example.com").await, Some(StatusCode::INTERNAL_SERVER_ERROR));
}
