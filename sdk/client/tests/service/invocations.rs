//! Questions to the application server.

use std::future::IntoFuture as _;

use webpubsub_client::{Data, Error};

use crate::{handler::Handler, server::Server};

#[tokio::test]
async fn an_invocation_brings_the_handlers_answer() {
    let handler = Handler::start().await;
    let server = Server::start_with(0, &handler.settings());
    let client = server.started("alice").await;
    let question = Data::json(&serde_json::json!({ "orderId": 1 })).expect("it is JSON");
    let answer = client.invoke("echo").data(question.clone()).await.expect("the handler answers");
    assert_eq!(answer.data, Some(question));
    let named = client.invoke("echo").data("a").invocation_id("mine").await.expect("the handler answers");
    assert_eq!(named.invocation_id, "mine");
}

#[tokio::test]
async fn without_a_handler_an_invocation_fails_as_not_found() {
    let server = Server::start();
    let client = server.started("alice").await;
    let error = client.invoke("echo").data("a").await.expect_err("there is no handler");
    assert!(matches!(&error, Error::InvocationFailed { error, .. } if error.name == "NotFound"), "{error:?}");
    client.send_to_group("g", "a").await.expect("the client goes on");
}

#[tokio::test]
async fn invocations_that_are_dropped_are_cancelled_at_the_service() {
    // As many as the service lets wait at a time, and some more.
    const DROPPED: usize = 70;
    let handler = Handler::start().await;
    let server = Server::start_with(0, &handler.settings());
    let client = server.started("alice").await;
    for _ in 0..DROPPED {
        let slow = client.invoke("slow").into_future();
        tokio::select! {
            biased;
            answer = slow => panic!("the handler never answers: {answer:?}"),
            sent = client.send_to_group("g", "behind it").into_future() => drop(sent.expect("it may send")),
        }
    }
    let answer = client.invoke("echo").data("a").await.expect("the handler answers");
    assert_eq!(answer.data.as_ref().and_then(Data::as_text), Some("a"));
}

#[tokio::test]
async fn two_invocations_cannot_wait_under_one_id() {
    let handler = Handler::start().await;
    let server = Server::start_with(0, &handler.settings());
    let client = server.started("alice").await;
    let slow = client.invoke("slow").invocation_id("1").into_future();
    tokio::select! {
        biased;
        answer = slow => panic!("the handler never answers: {answer:?}"),
        twice = client.invoke("echo").invocation_id("1").into_future() => {
            assert!(matches!(twice, Err(Error::InvocationIdInUse(_))), "{twice:?}");
        }
    }
}
