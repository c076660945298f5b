//! The requests equal those of the JavaScript SDK for the same calls. `record.mjs` records them into `recorded.json`.

use crate::capture::{Answer, Capture, Captured, KEY, client, decode_part, local};
use azure_core::{
    base64,
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    http::{ClientOptions, Transport},
    time::{Duration, OffsetDateTime},
};
use futures_util::TryStreamExt;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use webpubsub::{
    Filter, Message, WebPubSubGroupClient, WebPubSubServiceClient, WebPubSubServiceClientOptions, models::*,
    odata,
};

/// The headers that are compared. The others name the SDK or belong to the connection.
const HEADERS: [&str; 3] = ["accept", "content-type", "content-length"];
const BYTES: [u8; 4] = [0, 1, 254, 255];

#[tokio::test]
async fn every_call_sends_what_the_javascript_sdk_sends() {
    let recorded: Map<String, Value> = serde_json::from_str(include_str!("recorded.json")).unwrap();
    let clients = Clients::new().await;
    for (name, expected) in &recorded {
        let result = clients.call(name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let requests = clients.take();
        assert_eq!(json!({ "requests": requests, "result": result }), *expected, "{name}");
    }
    assert_eq!(recorded.len(), 45);
}

fn answer(request: &Captured) -> Answer {
    let path = request.target.split('?').next().unwrap();
    match request.method.as_str() {
        _ if path.ends_with("/:send") => Answer::status(202),
        _ if path.ends_with("/:closeConnections") => Answer::status(204),
        "DELETE" => Answer::status(204),
        _ if path.ends_with("/:generateToken") => Answer::json(200, json!({ "token": "generated" })),
        "GET" if request.target.contains("continuationToken") => Answer::json(
            200,
            json!({ "value": [{ "connectionId": "c2", "userId": null }], "nextLink": null }),
        ),
        "GET" => {
            let next =
                format!("http://{}{}&continuationToken=next_1", request.headers["host"], request.target);
            Answer::json(
                200,
                json!({ "value": [{ "connectionId": "c1", "userId": "u1" }], "nextLink": next }),
            )
        }
        _ => Answer::status(200),
    }
}

/// A credential as `azure_identity` has them.
#[derive(Debug)]
struct EntraCredential;

#[async_trait::async_trait]
impl TokenCredential for EntraCredential {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        assert_eq!(scopes, ["https://webpubsub.azure.com/.default"]);
        Ok(AccessToken::new("entra-token", OffsetDateTime::now_utc() + Duration::hours(1)))
    }
}

struct Clients {
    endpoint: String,
    proxy: String,
    captures: [(&'static str, Capture); 3],
    key: WebPubSubServiceClient,
    proxied: WebPubSubServiceClient,
    entra: WebPubSubServiceClient,
    group: WebPubSubGroupClient,
    filter: Filter,
}

impl Clients {
    async fn new() -> Self {
        let captures = ["endpoint", "proxy", "entra"].map(|name| (name, Capture::new(answer)));
        let endpoint = captures[0].1.serve().await;
        let proxy = captures[1].1.serve().await;
        let key = WebPubSubServiceClient::from_connection_string(
            &format!("Endpoint={endpoint};AccessKey={KEY};Version=1.0;"),
            "chat",
            Some(local()),
        )
        .unwrap();
        let through_proxy =
            WebPubSubServiceClientOptions { reverse_proxy_endpoint: Some(proxy.clone()), ..local() };
        let transport = Some(Transport::new(Arc::new(captures[2].1.clone())));
        let entra_options = WebPubSubServiceClientOptions {
            client_options: ClientOptions { transport, ..Default::default() },
            ..Default::default()
        };
        let entra = WebPubSubServiceClient::new(
            "https://hub.example",
            Arc::new(EntraCredential),
            "chat",
            Some(entra_options),
        );
        Self {
            proxied: client(&endpoint, through_proxy),
            entra: entra.unwrap(),
            group: key.group("room 1/ä?#"),
            filter: odata!(
                "userId eq {} and not({} in groups) or length(userId) gt {}",
                "vic's",
                "a+b&c=d",
                3
            ),
            endpoint,
            proxy,
            captures,
            key,
        }
    }

    fn portless(&self, text: &str) -> String {
        let text = text.replace(&self.endpoint, "http://endpoint").replace(&self.proxy, "http://proxy");
        text.replace(&self.endpoint.replace("http", "ws"), "ws://endpoint")
    }

    fn token(&self, token: &str) -> Value {
        if ["entra-token", "generated"].contains(&token) {
            return json!(token);
        }
        let mut payload = decode_part(token, 1);
        for time in ["iat", "exp"] {
            assert!(
                payload.as_object_mut().unwrap().remove(time).is_some_and(|time| time.is_u64()),
                "{time}"
            );
        }
        payload["aud"] = json!(self.portless(payload["aud"].as_str().unwrap()));
        json!({ "header": decode_part(token, 0), "payload": payload })
    }

    /// The requests since the last call, in the form of the recording.
    fn take(&self) -> Vec<Value> {
        let requests = self
            .captures
            .iter()
            .flat_map(|(server, capture)| capture.take().into_iter().map(move |request| (server, request)));
        requests
            .map(|(server, request)| {
                let headers: Map<_, _> = HEADERS
                    .iter()
                    .filter_map(|name| Some((*name, request.headers.get(*name)?)))
                    // reqwest writes out what a missing header means, and the length is known only on a socket.
                    .filter(|header| *header != ("accept", &"*/*".to_owned()))
                    .filter(|header| *server != "entra" || header.0 != "content-length")
                    .map(|(name, value)| (name.to_owned(), json!(value)))
                    .collect();
                let token = request.headers["authorization"].strip_prefix("Bearer ").unwrap();
                json!({
                    "server": server,
                    "method": request.method,
                    "target": request.target,
                    "headers": headers,
                    "body": base64::encode(&request.body),
                    "token": self.token(token),
                })
            })
            .collect()
    }

    async fn call(&self, name: &str) -> azure_core::Result<Value> {
        match name.split('_').next().unwrap() {
            "send" if name.contains("to_all") => self.send_to_hub(name).await,
            "send" => self.send(name).await,
            "list" => self.list(name).await,
            "token" => self.client_token(name).await,
            "close" | "remove" | "add" => self.change(name).await,
            _ => self.check(name).await,
        }
    }

    async fn send_to_hub(&self, name: &str) -> azure_core::Result<Value> {
        let Self { key, proxied, entra, filter, .. } = self;
        let (filter, hi) = (Some(filter.clone()), Message::text("hi"));
        match name {
            "send_json_to_all" => {
                key.send_to_all(json!({ "message": "Hello world!", "n": [1, 2.5, null, true] }), None).await?
            }
            "send_json_string_to_all" => key.send_to_all(Message::json("a \"quoted\" string")?, None).await?,
            "send_text_to_all" => key.send_to_all(Message::text("Grüße, 世界"), None).await?,
            "send_bytes_to_all" => key.send_to_all(BYTES.to_vec(), None).await?,
            "send_to_all_with_everything" => {
                let options = WebPubSubServiceClientSendToAllOptions {
                    excluded: vec!["c1".into(), "c 2,3".into()],
                    filter,
                    message_ttl_seconds: Some(60),
                    ..Default::default()
                };
                key.send_to_all(hi, Some(options)).await?
            }
            "send_to_all_by_key_credential" => client(&self.endpoint, local()).send_to_all(hi, None).await?,
            "send_to_all_through_a_proxy" => {
                let options = WebPubSubServiceClientSendToAllOptions {
                    filter: Some("userId eq null".into()),
                    ..Default::default()
                };
                proxied.send_to_all(hi, Some(options)).await?
            }
            "send_to_all_with_a_token_credential" => entra.send_to_all(hi, None).await?,
            _ => panic!("{name} is not known"),
        };
        Ok(Value::Null)
    }

    async fn send(&self, name: &str) -> azure_core::Result<Value> {
        let Self { key, group, filter, .. } = self;
        let (filter, hi) = (Some(filter.clone()), Message::text("hi"));
        match name {
            "send_to_user" => {
                let options = WebPubSubServiceClientSendToUserOptions {
                    filter: Some("'g' in groups".into()),
                    message_ttl_seconds: Some(0),
                    ..Default::default()
                };
                key.send_to_user("vic's", json!({ "a": 1 }), Some(options)).await?
            }
            "send_text_to_user" => key.send_to_user("user@host.example", hi, None).await?,
            "send_to_connection" => {
                let options = WebPubSubServiceClientSendToConnectionOptions {
                    message_ttl_seconds: Some(300),
                    ..Default::default()
                };
                key.send_to_connection("c+1", json!({ "a": 1 }), Some(options)).await?
            }
            "send_bytes_to_connection" => key.send_to_connection("c1", BYTES.to_vec(), None).await?,
            "send_to_group" => {
                let options = WebPubSubGroupClientSendToAllOptions {
                    excluded: vec!["c1".into()],
                    filter,
                    message_ttl_seconds: Some(1),
                    ..Default::default()
                };
                group.send_to_all(json!({ "a": 1 }), Some(options)).await?
            }
            "send_text_to_group" => group.send_to_all(hi, None).await?,
            "send_bytes_to_group" => group.send_to_all(BYTES.to_vec(), None).await?,
            _ => panic!("{name} is not known"),
        };
        Ok(Value::Null)
    }

    async fn change(&self, name: &str) -> azure_core::Result<Value> {
        let Self { key, group, .. } = self;
        let reason = Some("bye".to_owned());
        match name {
            "close_connection" => {
                let options = WebPubSubServiceClientCloseConnectionOptions {
                    reason: Some("maintenance & more".into()),
                    ..Default::default()
                };
                key.close_connection("c1", Some(options)).await?
            }
            "close_connection_without_reason" => key.close_connection("c1", None).await?,
            "close_all_connections" => {
                let options =
                    WebPubSubServiceClientCloseAllConnectionsOptions { reason, ..Default::default() };
                key.close_all_connections(Some(options)).await?
            }
            "close_user_connections" => {
                let options =
                    WebPubSubServiceClientCloseUserConnectionsOptions { reason, ..Default::default() };
                key.close_user_connections("vic's", Some(options)).await?
            }
            "close_group_connections" => {
                let options = WebPubSubGroupClientCloseAllConnectionsOptions { reason, ..Default::default() };
                group.close_all_connections(Some(options)).await?
            }
            "remove_user_from_all_groups" => key.remove_user_from_all_groups("vic's", None).await?,
            "remove_connection_from_all_groups" => key.remove_connection_from_all_groups("c1", None).await?,
            "add_connections_to_groups" => {
                key.add_connections_to_groups(&["g1", "g 2"], self.filter.clone(), None).await?
            }
            "remove_connections_from_groups" => {
                key.remove_connections_from_groups(&["g1"], "userId eq 'u'", None).await?
            }
            "add_connection_to_group" => group.add_connection("c1", None).await?,
            "remove_connection_from_group" => group.remove_connection("c1", None).await?,
            "add_user_to_group" => group.add_user("vic's", None).await?,
            "remove_user_from_group" => group.remove_user("vic's", None).await?,
            _ => panic!("{name} is not known"),
        };
        Ok(Value::Null)
    }

    async fn check(&self, name: &str) -> azure_core::Result<Value> {
        let key = &self.key;
        let target_name = |name: &str| Some(name.to_owned());
        Ok(json!(match name {
            "connection_exists" => key.connection_exists("c 1", None).await?,
            "group_exists" => key.group_exists("room 1/ä?#", None).await?,
            "user_exists" => key.user_exists("vic's", None).await?,
            "has_permission" => {
                let options = WebPubSubServiceClientHasPermissionOptions {
                    target_name: target_name("g1"),
                    ..Default::default()
                };
                key.has_permission("c1", Permission::SendToGroup, Some(options)).await?
            }
            "grant_permission" => {
                let options = WebPubSubServiceClientGrantPermissionOptions {
                    target_name: target_name("g 1"),
                    ..Default::default()
                };
                key.grant_permission("c1", Permission::JoinLeaveGroup, Some(options)).await?;
                return Ok(Value::Null);
            }
            "grant_permission_without_target" => {
                key.grant_permission("c1", Permission::SendToGroup, None).await?;
                return Ok(Value::Null);
            }
            "revoke_permission" => {
                let options = WebPubSubServiceClientRevokePermissionOptions {
                    target_name: target_name("g1"),
                    ..Default::default()
                };
                key.revoke_permission("c1", Permission::SendToGroup, Some(options)).await?;
                return Ok(Value::Null);
            }
            _ => panic!("{name} is not known"),
        }))
    }

    async fn list(&self, name: &str) -> azure_core::Result<Value> {
        let options = match name {
            "list_connections" => Default::default(),
            "list_connections_from_a_token" => WebPubSubGroupClientListConnectionsOptions {
                continuation_token: Some("next_1".into()),
                ..Default::default()
            },
            "list_connections_in_pages" => WebPubSubGroupClientListConnectionsOptions {
                max_page_size: Some(1),
                top: Some(2),
                ..Default::default()
            },
            _ => panic!("{name} is not known"),
        };
        let members: Vec<GroupMember> = self.group.list_connections(Some(options))?.try_collect().await?;
        let member =
            |member: &GroupMember| json!({ "connectionId": member.connection_id, "userId": member.user_id });
        Ok(members.iter().map(member).collect())
    }

    async fn client_token(&self, name: &str) -> azure_core::Result<Value> {
        let user = |user: &str| Some(user.to_owned());
        let everything = WebPubSubServiceClientGetClientAccessTokenOptions {
            user_id: user("vic's"),
            groups: vec!["g1".into(), "g 2".into()],
            minutes_to_expire: Some(5),
            ..Default::default()
        };
        let (client, options) = match name {
            "token" => (&self.key, Default::default()),
            "token_with_everything" => {
                let roles = vec![Permission::JoinLeaveGroup.role(), Permission::SendToGroup.role_for("g")];
                (&self.key, WebPubSubServiceClientGetClientAccessTokenOptions { roles, ..everything })
            }
            "token_for_mqtt" => (
                &self.key,
                WebPubSubServiceClientGetClientAccessTokenOptions {
                    user_id: user("u"),
                    client_protocol: ClientProtocol::Mqtt,
                    ..Default::default()
                },
            ),
            "token_for_socketio" => (
                &self.key,
                WebPubSubServiceClientGetClientAccessTokenOptions {
                    client_protocol: ClientProtocol::SocketIo,
                    ..Default::default()
                },
            ),
            "token_through_a_proxy" => (
                &self.proxied,
                WebPubSubServiceClientGetClientAccessTokenOptions {
                    user_id: user("u"),
                    ..Default::default()
                },
            ),
            "token_with_a_token_credential" => (&self.entra, Default::default()),
            "token_with_a_token_credential_and_everything" => {
                let roles = vec!["r1".into(), "r2".into()];
                let client_protocol = ClientProtocol::Mqtt;
                (
                    &self.entra,
                    WebPubSubServiceClientGetClientAccessTokenOptions {
                        roles,
                        client_protocol,
                        ..everything
                    },
                )
            }
            _ => panic!("{name} is not known"),
        };
        let access = client.get_client_access_token(Some(options)).await?;
        assert_eq!(access.url, format!("{}?access_token={}", access.base_url, access.token));
        Ok(json!({ "baseUrl": self.portless(&access.base_url), "token": self.token(&access.token) }))
    }
}
