use futures_util::{SinkExt, StreamExt};
use http::header::SEC_WEBSOCKET_PROTOCOL;
use http::{HeaderValue, StatusCode};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_websockets::upgrade::Error as UpgradeError;
use tokio_websockets::{ClientBuilder, CloseCode, Error, MaybeTlsStream, Message, WebSocketStream};

pub(crate) const JSON: &str = "json.webpubsub.azure.v1";

/// A WebSocket with nothing on top.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The subprotocol that the service chose.
    pub(crate) subprotocol: Option<String>,
}

impl Client {
    /// Connects, or tells the status of the refusal.
    pub(crate) async fn connect(url: &str, subprotocols: &str) -> Result<Self, StatusCode> {
        let mut builder = ClientBuilder::new().uri(url).unwrap();
        if !subprotocols.is_empty() {
            let offer = HeaderValue::from_str(subprotocols).unwrap();
            builder = builder.add_header(SEC_WEBSOCKET_PROTOCOL, offer).unwrap();
        }
        match builder.connect().await {
            Ok((socket, response)) => {
                let chosen = response.headers().get(SEC_WEBSOCKET_PROTOCOL);
                let subprotocol = chosen.map(|value| value.to_str().unwrap().to_owned());
                Ok(Self { socket, subprotocol })
            }
            Err(Error::Upgrade(UpgradeError::DidNotSwitchProtocols(status))) => {
                Err(StatusCode::from_u16(status).unwrap())
            }
            Err(error) => panic!("the handshake failed: {error}"),
        }
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    pub(crate) async fn send_json(&mut self, value: Value) {
        self.send(Message::text(value.to_string())).await;
    }

    /// The next message that is not of the connection itself.
    pub(crate) async fn receive(&mut self) -> Message {
        loop {
            let message = self.socket.next().await.expect("the connection ended").unwrap();
            if !message.is_ping() && !message.is_pong() {
                return message;
            }
        }
    }

    pub(crate) async fn receive_json(&mut self) -> Value {
        let message = self.receive().await;
        let text = message.as_text().unwrap_or_else(|| panic!("not text: {message:?}"));
        serde_json::from_str(text).unwrap()
    }

    pub(crate) async fn close(mut self) {
        self.send(Message::close(Some(CloseCode::NORMAL_CLOSURE), "")).await;
        // The service answers the closing handshake; whatever was on its way before that is of no interest.
        while let Some(Ok(_)) = self.socket.next().await {}
    }
}
