//! How clients are made.

use crate::capture::{KEY, client, local};
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use std::sync::Arc;
use webpubsub::{WebPubSubServiceClient, WebPubSubServiceClientOptions};

#[derive(Debug)]
struct NeverAsked;

#[async_trait::async_trait]
impl TokenCredential for NeverAsked {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        unreachable!("no request is made")
    }
}

fn with_key(endpoint: &str, options: WebPubSubServiceClientOptions) -> Result<(), String> {
    let client = WebPubSubServiceClient::with_access_key(endpoint, KEY, "chat", Some(options));
    client.map(drop).map_err(|error| error.to_string())
}

#[test]
fn plain_http_has_to_be_asked_for() {
    let error = with_key("http://127.0.0.1:8080", Default::default()).unwrap_err();
    assert!(error.contains("allow_insecure_connection"), "{error}");
    with_key("http://127.0.0.1:8080", local()).unwrap();

    let proxied = |options| WebPubSubServiceClientOptions {
        reverse_proxy_endpoint: Some("http://127.0.0.1:8080".into()),
        ..options
    };
    let error = with_key("https://hub.example", proxied(Default::default())).unwrap_err();
    assert!(error.contains("allow_insecure_connection"), "{error}");
    with_key("https://hub.example", proxied(local())).unwrap();
}

#[test]
fn a_token_credential_needs_https_all_the_way() {
    let make = |endpoint, options| {
        WebPubSubServiceClient::new(endpoint, Arc::new(NeverAsked), "chat", Some(options))
    };
    make("https://hub.example", Default::default()).unwrap();
    let error = make("http://127.0.0.1:8080", local()).unwrap_err().to_string();
    assert!(error.contains("needs https"), "{error}");
    let proxied = WebPubSubServiceClientOptions {
        reverse_proxy_endpoint: Some("http://127.0.0.1:8080".into()),
        ..local()
    };
    assert!(make("https://hub.example", proxied).is_err());
}

#[test]
fn endpoints_that_cannot_be_right_are_refused_and_not_repeated() {
    for endpoint in ["", "hub.example", "ftp://h", "ws://h", "https://h?q=s3cret", "https://u:s3cret@h"] {
        assert!(with_key(endpoint, local()).is_err(), "{endpoint}");
    }
    let error = with_key("Endpoint=https://h;AccessKey=s3cret", local()).unwrap_err();
    assert!(!error.contains("s3cret"), "{error}");
}

#[test]
fn hub_names_are_checked() {
    let error =
        WebPubSubServiceClient::with_access_key("https://h", KEY, "my-hub", None).unwrap_err().to_string();
    assert!(error.contains("my-hub"), "{error}");
}

#[test]
fn a_client_knows_its_place_and_shows_no_secret() {
    let client = client("https://hub.example", Default::default());
    assert_eq!(client.endpoint().as_str(), "https://hub.example/");
    assert_eq!(client.hub_name(), "chat");
    assert_eq!(client.api_version(), "2024-12-01");
    let group = client.group("room");
    assert_eq!((group.group_name(), group.hub_name()), ("room", "chat"));
    let shown = format!("{client:?} {group:?} {:?}", WebPubSubServiceClientOptions::default());
    assert!(shown.contains("https://hub.example/") && !shown.contains(KEY), "{shown}");
}

#[tokio::test]
async fn client_access_has_the_json_form_of_a_negotiation_and_shows_no_token() {
    let client = client("https://hub.example", Default::default());
    let access = client.get_client_access_token(None).await.unwrap();
    let json = serde_json::to_value(&access).unwrap();
    assert_eq!(json["token"], access.token);
    assert_eq!(json["baseUrl"], "wss://hub.example/client/hubs/chat");
    assert_eq!(json["url"], access.url);
    assert_eq!(json.as_object().unwrap().len(), 3);
    assert!(!format!("{access:?}").contains(&access.token));
}
