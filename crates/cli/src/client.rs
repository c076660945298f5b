use anyhow::{Context, bail};
use http::header::SEC_WEBSOCKET_PROTOCOL;
use http::{HeaderValue, StatusCode, Uri};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};

use crate::service::{Client, Service};

/// What `hubwire` speaks as a client.
const SUBPROTOCOL: HeaderValue = HeaderValue::from_static("json.webpubsub.azure.v1");
/// A URL of the command's own making is used at once.
const TOKEN_MINUTES: u32 = 5;

/// A client of the JSON protocol, connected.
pub(crate) struct JsonClient {
    socket: WebSocketStream<TcpStream>,
}

impl JsonClient {
    /// Connects, with the given roles and in the given groups.
    pub(crate) async fn connect(
        service: &Service,
        user: Option<&str>,
        roles: &[String],
        groups: &[String],
    ) -> anyhow::Result<Self> {
        let client = Client { user, roles, groups, minutes: TOKEN_MINUTES };
        let uri: Uri = service.client_url(&client)?.parse().context("the client URL is not a URL")?;
        let stream = service.connect().await?;
        let builder = ClientBuilder::from_uri(uri)
            .add_header(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
            .context("the subprotocol cannot be offered")?;
        let (socket, response) =
            builder.connect_on(stream).await.map_err(|error| refused(service, &error))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            bail!("{} answered {} to the handshake", service.endpoint, response.status());
        }
        Ok(Self { socket })
    }

    /// Sends one frame.
    pub(crate) async fn send(&mut self, frame: String) -> anyhow::Result<()> {
        use futures_util::SinkExt;
        self.socket.send(Message::text(frame)).await.context("the connection broke while sending")
    }

    /// The next frame, as text and as what it holds.
    ///
    /// # Errors
    /// If the service closes the connection: with its code and reason.
    pub(crate) async fn next(&mut self) -> anyhow::Result<(String, Value)> {
        use futures_util::StreamExt;
        loop {
            let message = match self.socket.next().await {
                Some(message) => message.context("the connection broke")?,
                None => bail!("the service closed the connection without a word"),
            };
            if let Some((code, reason)) = message.as_close() {
                bail!("the service closed the connection with code {}: {reason}", u16::from(code));
            }
            if let Some(text) = message.as_text() {
                let frame =
                    serde_json::from_str(text).context("the service sent a frame that is not JSON")?;
                return Ok((text.to_owned(), frame));
            }
        }
    }

    /// Says goodbye.
    pub(crate) async fn close(mut self) -> anyhow::Result<()> {
        use futures_util::SinkExt;
        self.socket.close().await.context("the connection broke while closing")
    }
}

/// Names the setting that is most likely wrong.
fn refused(service: &Service, error: &tokio_websockets::Error) -> anyhow::Error {
    let text = error.to_string();
    let hint = if text.contains("401") {
        "; does the access key (--access-key, HUBWIRE_ACCESS_KEY) belong to this endpoint?"
    } else {
        ""
    };
    anyhow::anyhow!("{} refused the connection: {text}{hint}", service.endpoint)
}
