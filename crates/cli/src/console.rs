use anyhow::{Context, bail};
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hubwire_server::{Config, Endpoint};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::arguments::ConsoleAccess;
use crate::service;

/// The console of a service, as a command uses it.
pub(crate) struct ConsoleClient {
    endpoint: Endpoint,
    token: Option<String>,
}

/// A query that is put together.
#[derive(Default)]
pub(crate) struct Query(String);

impl Query {
    /// Adds a parameter, if it has a value.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            let separator = if self.0.is_empty() { '?' } else { '&' };
            self.0.push_str(&format!("{separator}{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        }
        self
    }
}

impl ConsoleClient {
    /// Finds the console by a connection string, else by the settings that would start the service here, and the token likewise.
    pub(crate) fn find(access: &ConsoleAccess) -> anyhow::Result<Self> {
        let config = Config::load(&access.settings.overrides(None))?;
        let endpoint = service::endpoint(access.connection_string.as_deref(), &config)?;
        let token =
            access.console_token.clone().or_else(|| config.console.operator_token().map(str::to_owned));
        Ok(Self { endpoint, token })
    }

    /// Asks for something below `/console/api/`.
    pub(crate) async fn get(&self, path: &str, query: &Query) -> anyhow::Result<Response<Incoming>> {
        let mut request = Request::get(format!("/console/api/{path}{}", query.0));
        request = request.header(HOST, self.endpoint.authority());
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Empty::<Bytes>::new())?;
        let socket = TokioIo::new(service::connect(&self.endpoint).await?);
        let (mut sender, connection) = http1::handshake(socket).await?;
        // The connection ends with its one call; what goes wrong with it shows in the call.
        tokio::spawn(connection);
        let response = sender.send_request(request).await.context("the connection broke during the call")?;
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        Err(self.refused(response).await)
    }

    /// Asks for a document.
    pub(crate) async fn document(&self, path: &str, query: &Query) -> anyhow::Result<Value> {
        let body = self.get(path, query).await?.into_body();
        let body = body.collect().await.context("the answer broke off")?.to_bytes();
        serde_json::from_slice(&body).context("the answer is not JSON")
    }

    async fn refused(&self, response: Response<Incoming>) -> anyhow::Error {
        let status = response.status();
        let body = response.into_body().collect().await.map(http_body_util::Collected::to_bytes);
        let body: Option<Value> = body.ok().and_then(|body| serde_json::from_slice(&body).ok());
        let message = body.as_ref().and_then(|body| body["error"]["message"].as_str()).unwrap_or_default();
        let hint = match status {
            StatusCode::UNAUTHORIZED => " (--console-token or HUBWIRE_CONSOLE_TOKEN)",
            _ => "",
        };
        anyhow::anyhow!("the console of {} answered {status}: {message}{hint}", self.endpoint)
    }
}

/// Server-sent events, as they come in pieces.
#[derive(Default)]
pub(crate) struct Events {
    pending: String,
}

/// The longest event that is waited for, in bytes; a console sends none of a tenth.
const EVENT_BYTES_MAX: usize = 4 << 20;

impl Events {
    /// Takes a piece in, and yields the name and data of each event that is whole.
    pub(crate) fn take(&mut self, piece: &[u8]) -> anyhow::Result<Vec<(String, Value)>> {
        self.pending.push_str(&String::from_utf8_lossy(piece));
        let mut events = Vec::new();
        while let Some(end) = self.pending.find("\n\n") {
            let event: String = self.pending.drain(..end + 2).collect();
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
            let data = serde_json::from_str(field("data: ").unwrap_or("null"));
            let data = data.context("the console sent an event that is not JSON")?;
            events.push((field("event: ").unwrap_or_default().to_owned(), data));
        }
        if self.pending.len() > EVENT_BYTES_MAX {
            bail!("the console sent an event without an end");
        }
        Ok(events)
    }
}
