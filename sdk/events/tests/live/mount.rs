use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::JSON;
use crate::hubwire::PRIMARY;
use crate::stage::{Mount, Stage};

/// The head of the answer to a request without a body.
async fn get(stage: &Stage, path: &str) -> String {
    let mut stream = TcpStream::connect(&stage.application).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn a_client_connects(mount: Mount, path: &str) -> Stage {
    let stage = Stage::with(mount, |webhook| webhook.access_key(PRIMARY).path(path)).await;
    let mut client = stage.connect("wish=user", JSON).await.unwrap();
    assert_eq!(client.receive_json().await["userId"], "Jürgen");
    stage
}

const PATH: &str = "/api/webpubsub/hubs/chat";

#[tokio::test]
async fn a_layer_of_axum_passes_other_requests_on() {
    let stage = a_client_connects(Mount::AxumLayer, PATH).await;
    assert!(get(&stage, "/hello").await.ends_with("\r\n\r\nhello"));
    assert!(get(&stage, "/api/webpubsub/hubs/chat/validate").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_route_of_axum_answers_other_requests_with_404() {
    let stage = a_client_connects(Mount::AxumRoute, PATH).await;
    assert!(get(&stage, "/hello").await.ends_with("\r\n\r\nhello"));
    let answer = get(&stage, "/api/webpubsub/hubs/chat/validate").await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(answer.ends_with("the request is not an event of this hub"), "{answer}");
}

#[tokio::test]
async fn a_nested_service_of_axum_takes_every_path() {
    a_client_connects(Mount::AxumNest, "/").await;
}

#[tokio::test]
async fn a_function_of_hyper_answers_events() {
    let stage = a_client_connects(Mount::Hyper, PATH).await;
    assert!(get(&stage, "/hello").await.starts_with("HTTP/1.1 404"));
}
