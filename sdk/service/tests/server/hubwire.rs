//! A server of a test's own, and clients that receive.

use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL};
use serde_json::Value;
use std::{env, future::Future, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};
use tokio_websockets::{ClientBuilder, MaybeTlsStream, Message as Frame, WebSocketStream};
use webpubsub::{WebPubSubServiceClient, WebPubSubServiceClientOptions, models::*};

pub(crate) const KEY: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH";
pub(crate) const HUB: &str = "chat";

/// After this long a test hangs. It is far above what anything takes, so that it never decides on a slow machine.
const HANG: Duration = Duration::from_secs(120);

pub(crate) async fn unless_it_hangs<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANG, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// A server that ends with the test.
pub(crate) struct Hubwire {
    pub(crate) connection_string: String,
    pub(crate) endpoint: String,
    _process: Child,
}

impl Hubwire {
    pub(crate) async fn start() -> Self {
        let binary = env::var_os("HUBWIRE_BIN").expect("set HUBWIRE_BIN to the hubwire binary");
        let mut process = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--workers", "1", "--access-key", KEY])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("HUBWIRE_BIN can be started");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let connection_string = loop {
            let line = unless_it_hangs("the server to start", lines.next_line()).await.unwrap();
            let line = line.expect("the server says where it is");
            if let Some((_, connection_string)) = line.split_once("Connection string") {
                break connection_string.trim().to_owned();
            }
        };
        // The pipe stays open, so that the server can go on writing.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let endpoint = connection_string.split(';').find_map(|part| part.strip_prefix("Endpoint=")).unwrap();
        Self { endpoint: endpoint.to_owned(), connection_string, _process: process }
    }

    pub(crate) fn client(&self) -> WebPubSubServiceClient {
        self.client_with(WebPubSubServiceClientOptions::default())
    }

    pub(crate) fn client_with(&self, options: WebPubSubServiceClientOptions) -> WebPubSubServiceClient {
        let options = WebPubSubServiceClientOptions { allow_insecure_connection: true, ..options };
        WebPubSubServiceClient::from_connection_string(&self.connection_string, HUB, Some(options)).unwrap()
    }
}

/// A client of the JSON subprotocol, or a simple one without any.
pub(crate) struct Receiver {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Empty for a simple client, which is not told.
    pub(crate) connection_id: String,
    pub(crate) user_id: Option<String>,
}

impl Receiver {
    /// Connects a JSON client, as `user` unless it is empty, with these groups.
    pub(crate) async fn connect(client: &WebPubSubServiceClient, user: &str, groups: &[&str]) -> Self {
        Self::open(&access(client, user, groups, &[]).await.url, Some("json.webpubsub.azure.v1")).await
    }

    /// Connects a simple client as `user` and waits until the service knows it.
    pub(crate) async fn connect_simple(client: &WebPubSubServiceClient, user: &str, groups: &[&str]) -> Self {
        let receiver = Self::open(&access(client, user, groups, &[]).await.url, None).await;
        unless_it_hangs("the simple client", async {
            while !client.user_exists(user, None).await.unwrap() {}
        })
        .await;
        receiver
    }

    pub(crate) async fn open(url: &str, subprotocol: Option<&'static str>) -> Self {
        let mut builder = ClientBuilder::new().uri(url).unwrap();
        if let Some(subprotocol) = subprotocol {
            let value = HeaderValue::from_static(subprotocol);
            builder = builder.add_header(SEC_WEBSOCKET_PROTOCOL, value).unwrap();
        }
        let (socket, _) = unless_it_hangs("a connection", builder.connect()).await.unwrap();
        let mut receiver = Self { socket, connection_id: String::new(), user_id: None };
        if subprotocol.is_some() {
            let connected = receiver.json().await;
            assert_eq!(connected["event"], "connected", "{connected}");
            receiver.connection_id = connected["connectionId"].as_str().unwrap().to_owned();
            receiver.user_id = connected["userId"].as_str().map(str::to_owned);
        }
        receiver
    }

    pub(crate) async fn frame(&mut self) -> Frame {
        loop {
            let frame = unless_it_hangs("a frame", self.socket.next()).await.expect("a frame").unwrap();
            if !frame.is_ping() && !frame.is_pong() {
                return frame;
            }
        }
    }

    pub(crate) async fn text(&mut self) -> String {
        let frame = self.frame().await;
        frame.as_text().unwrap_or_else(|| panic!("{frame:?} is no text")).to_owned()
    }

    pub(crate) async fn json(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// The data of the next message.
    pub(crate) async fn data(&mut self) -> Value {
        let message = self.json().await;
        assert_eq!(message["type"], "message", "{message}");
        message["data"].clone()
    }

    /// The reason of the `disconnected` message, after which the connection closes.
    pub(crate) async fn disconnected(&mut self) -> Value {
        let message = self.json().await;
        assert_eq!(message["event"], "disconnected", "{message}");
        let frame = self.frame().await;
        assert!(frame.is_close(), "{frame:?}");
        message["message"].clone()
    }

    /// Sends a request to the service and returns its ack.
    pub(crate) async fn request(&mut self, request: Value) -> Value {
        self.socket.send(Frame::text(request.to_string())).await.unwrap();
        let ack = self.json().await;
        assert_eq!(ack["type"], "ack", "{ack}");
        ack
    }
}

pub(crate) async fn access(
    client: &WebPubSubServiceClient,
    user: &str,
    groups: &[&str],
    roles: &[String],
) -> ClientAccessToken {
    let options = WebPubSubServiceClientGetClientAccessTokenOptions {
        user_id: Some(user.to_owned()),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        roles: roles.to_vec(),
        ..Default::default()
    };
    client.get_client_access_token(Some(options)).await.unwrap()
}
