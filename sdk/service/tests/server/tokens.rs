//! What tokens for clients do.

use crate::hubwire::{HUB, Hubwire, KEY, Receiver, access};
use aws_lc_rs::hmac;
use azure_core::{
    base64,
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    http::{AsyncRawResponse, ClientOptions, HttpClient, Request, Transport, Url, new_http_client},
    time::{Duration, OffsetDateTime},
};
use serde_json::json;
use std::sync::Arc;
use webpubsub::{Message, WebPubSubServiceClient, WebPubSubServiceClientOptions, models::*};

#[tokio::test]
async fn a_token_says_who_a_client_is_what_it_may_do_and_where_it_belongs() {
    let server = Hubwire::start().await;
    let client = server.client();
    let roles = [Permission::SendToGroup.role_for("room"), Permission::JoinLeaveGroup.role()];
    let access = access(&client, "vic's", &["g1", "g 2"], &roles).await;
    let mut receiver = Receiver::open(&access.url, Some("json.webpubsub.azure.v1")).await;
    assert_eq!(receiver.user_id.as_deref(), Some("vic's"));

    for group in ["g1", "g 2"] {
        client.group(group).send_to_all(Message::text(group), None).await.unwrap();
        assert_eq!(receiver.data().await, group);
    }
    let send = |group, ack_id| json!({ "type": "sendToGroup", "group": group, "dataType": "text", "data": "x", "ackId": ack_id });
    assert_eq!(receiver.request(send("room", 1)).await["success"], true);
    assert_eq!(receiver.request(send("other", 2)).await["success"], false);
    assert_eq!(
        receiver.request(json!({ "type": "joinGroup", "group": "any", "ackId": 3 })).await["success"],
        true
    );
}

/// A token for one URL, as a credential would give it that the service trusts.
#[derive(Debug)]
struct TokenFor(String);

#[async_trait::async_trait]
impl TokenCredential for TokenFor {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let expires_on = OffsetDateTime::now_utc() + Duration::hours(1);
        let claims = json!({ "aud": self.0, "exp": expires_on.unix_timestamp() });
        let part = |value: serde_json::Value| base64::encode_url_safe(value.to_string());
        let signed = format!("{}.{}", part(json!({ "alg": "HS256", "typ": "JWT" })), part(claims));
        let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
        let signature = base64::encode_url_safe(hmac::sign(&key, signed.as_bytes()));
        Ok(AccessToken::new(format!("{signed}.{signature}"), expires_on))
    }
}

/// Takes https requests to the plain http of the server, as the end of TLS in front of it does.
#[derive(Debug)]
struct EndOfTls {
    server: Url,
    client: Arc<dyn HttpClient>,
}

#[async_trait::async_trait]
impl HttpClient for EndOfTls {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        assert_eq!(request.url().scheme(), "https");
        let mut request = request.clone();
        let mut url = self.server.clone();
        url.set_path(request.url().path());
        url.set_query(request.url().query());
        *request.url_mut() = url;
        self.client.execute_request(&request).await
    }
}

#[tokio::test]
async fn a_token_made_by_the_service_lets_a_client_in() {
    let server = Hubwire::start().await;
    let server_url = Url::parse(&server.endpoint).unwrap();
    let credential = TokenFor(server_url.join(&format!("api/hubs/{HUB}/:generateToken")).unwrap().into());
    let transport = EndOfTls { server: server_url.clone(), client: new_http_client(None) };
    let options = WebPubSubServiceClientOptions {
        client_options: ClientOptions {
            transport: Some(Transport::new(Arc::new(transport))),
            ..Default::default()
        },
        ..Default::default()
    };
    let client =
        WebPubSubServiceClient::new("https://hub.example", Arc::new(credential), HUB, Some(options)).unwrap();

    let access = access(&client, "vic's", &["g 1"], &[]).await;
    assert_eq!(access.base_url, format!("wss://hub.example/client/hubs/{HUB}"));
    let url =
        access.url.replace("wss://hub.example", server.endpoint.replace("http", "ws").trim_end_matches('/'));
    let mut receiver = Receiver::open(&url, Some("json.webpubsub.azure.v1")).await;
    assert_eq!(receiver.user_id.as_deref(), Some("vic's"));
    server.client().group("g 1").send_to_all(Message::text("member"), None).await.unwrap();
    assert_eq!(receiver.data().await, "member");
}
