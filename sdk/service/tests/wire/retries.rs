//! Requests are sent again as the JavaScript SDK does, in time that is not real.

use crate::capture::{Answer, Capture, KEY, client};
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::time::Instant;
use webpubsub::{Message, WebPubSubServiceClient, WebPubSubServiceClientOptions, retry_options};

fn options(capture: &Capture, retry: RetryOptions) -> WebPubSubServiceClientOptions {
    let transport = Some(Transport::new(Arc::new(capture.clone())));
    WebPubSubServiceClientOptions {
        client_options: ClientOptions { transport, retry, ..Default::default() },
        ..Default::default()
    }
}

fn retrying(capture: &Capture) -> WebPubSubServiceClient {
    client("https://hub.example", options(capture, retry_options()))
}

async fn send(client: &WebPubSubServiceClient) -> azure_core::Result<()> {
    client.send_to_all(Message::text("hi"), None).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn a_failing_request_is_sent_four_times_with_growing_waits() {
    let capture = Capture::new(|_| Answer::status(500));
    let start = Instant::now();
    assert!(send(&retrying(&capture)).await.is_err());
    assert_eq!(capture.take().len(), 4);
    let waited_ms = start.elapsed().as_millis();
    assert!((3_500..=7_100).contains(&waited_ms), "{waited_ms}");
}

#[tokio::test(start_paused = true)]
async fn the_default_options_have_these_retries() {
    let capture = Capture::new(|_| Answer::status(503));
    let mut options = WebPubSubServiceClientOptions::default();
    options.client_options.transport = Some(Transport::new(Arc::new(capture.clone())));
    let client =
        WebPubSubServiceClient::with_access_key("https://hub.example", KEY, "chat", Some(options)).unwrap();
    assert!(send(&client).await.is_err());
    assert_eq!(capture.take().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn only_some_statuses_are_worth_another_try() {
    for (status, tries) in
        [(408, 4), (429, 4), (502, 4), (507, 4), (400, 1), (401, 1), (404, 1), (501, 1), (505, 1)]
    {
        let capture = Capture::new(move |_| Answer::status(status));
        assert!(send(&retrying(&capture)).await.is_err());
        assert_eq!(capture.take().len(), tries, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_ends_the_retries() {
    let tries = AtomicUsize::new(0);
    let capture = Capture::new(move |_| {
        Answer::status(if tries.fetch_add(1, Ordering::Relaxed) < 2 { 500 } else { 202 })
    });
    send(&retrying(&capture)).await.unwrap();
    let requests = capture.take();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request.body == "hi"));
}

#[tokio::test(start_paused = true)]
async fn the_service_says_how_long_to_wait() {
    for (header, value, waited_s) in
        [("retry-after", "100", 300), ("retry-after-ms", "2000", 6), ("x-ms-retry-after-ms", "0", 0)]
    {
        for status in [429, 503] {
            let capture = Capture::new(move |_| Answer::status(status).header(header, value));
            let start = Instant::now();
            assert!(send(&retrying(&capture)).await.is_err());
            assert_eq!(start.elapsed().as_secs(), waited_s, "{header} {status}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_try_through_a_proxy_is_signed_for_the_endpoint() {
    let capture = Capture::new(|_| Answer::status(500));
    let mut options = options(&capture, retry_options());
    options.reverse_proxy_endpoint = Some("https://proxy.example/gateway".into());
    let client =
        WebPubSubServiceClient::with_access_key("https://hub.example", KEY, "chat", Some(options)).unwrap();
    assert!(send(&client).await.is_err());
    let requests = capture.take();
    assert_eq!(requests.len(), 4);
    for request in requests {
        assert_eq!(request.target, "/gateway/api/hubs/chat/:send?api-version=2024-12-01");
        assert_eq!(request.claims()["aud"], "https://hub.example/api/hubs/chat/:send?api-version=2024-12-01");
    }
}

#[tokio::test(start_paused = true)]
async fn retries_can_be_switched_off() {
    let capture = Capture::new(|_| Answer::status(500));
    assert!(send(&client("https://hub.example", options(&capture, RetryOptions::none()))).await.is_err());
    assert_eq!(capture.take().len(), 1);
}
