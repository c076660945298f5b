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
async fn an_invocation_that_is_dropped_is_cancelled_and_its_id_free_again() {
    let handler = Handler::start().await;
    let server = Server::start_with(0, &handler.settings());
    let client = server.started("alice").await;
    {
        let slow = client.invoke("slow").invocation_id("1").into_future();
        tokio::pin!(slow);
        tokio::select! {
            biased;
            answer = &mut slow => panic!("the handler never answers: {answer:?}"),
            sent = client.send_to_group("g", "behind it").into_future() => drop(sent.expect("it may send")),
        }
        let twice = client.invoke("echo").invocation_id("1").await;
        assert!(matches!(twice, Err(Error::InvocationIdInUse(_))), "{twice:?}");
    }
    // The service would refuse an id that still waits there.
    let answer = client.invoke("echo").data("a").invocation_id("1").await.expect("the handler answers");
    assert_eq!(answer.data.as_ref().and_then(Data::as_text), Some("a"));
}
