use std::time::Duration;

use async_nats::jetstream::{self, context::PublishErrorKind};
use async_nats::{Client, ConnectOptions, HeaderMap};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::sync::Mutex;

use super::{SendError, Sent, Target, all};
use crate::client::HttpClient;
use crate::cloud_event::METADATA_PREFIX;
use crate::{CloudEvent, Secret};

/// How long a server may take to acknowledge a message, or to be connected to, in milliseconds.
const TIMEOUT_MS: u64 = 5_000;
/// What stays as it is in a token of a subject. Dots, blanks and wildcards do not, so that a name can never be more than one token.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// A stream of NATS JetStream: each event is a message with CloudEvents headers, and is stored once however often it is sent.
pub struct NatsTarget {
    /// The servers, as `nats://host:port`; any of them will do.
    pub servers: Vec<String>,
    /// The subject, with `{hub}` and `{event}` in it.
    pub subject: String,
    /// What lets the service in.
    pub auth: NatsAuth,
    client: Mutex<Option<Client>>,
}

/// What lets the service in at a NATS server.
#[derive(Debug, Clone)]
pub enum NatsAuth {
    /// Nothing.
    None,
    /// The text of a credentials file.
    Credentials(Secret),
    /// A user and a password.
    Password(String, Secret),
    /// A token.
    Token(Secret),
}

impl NatsTarget {
    /// A target that is not connected yet.
    pub fn new(servers: Vec<String>, subject: String, auth: NatsAuth) -> Self {
        Self { servers, subject, auth, client: Mutex::new(None) }
    }

    /// The connection; it looks after itself once it was made.
    async fn context(&self) -> Result<jetstream::Context, SendError> {
        let mut kept = self.client.lock().await;
        if let Some(client) = &*kept {
            return Ok(context(client));
        }
        let away = |error: String| {
            SendError::away(format!("NATS at {} cannot be reached: {error}", self.servers.join(", ")))
        };
        let options =
            ConnectOptions::new().name("hubwire").connection_timeout(Duration::from_millis(TIMEOUT_MS));
        let options = match &self.auth {
            NatsAuth::None => options,
            // The error of a credentials file could repeat what is in it.
            NatsAuth::Credentials(text) => options
                .credentials(text.expose())
                .map_err(|_| SendError::away("the NATS credentials are not a credentials file"))?,
            NatsAuth::Password(user, password) => {
                options.user_and_password(user.clone(), password.expose().to_owned())
            }
            NatsAuth::Token(token) => options.token(token.expose().to_owned()),
        };
        let client = options.connect(self.servers.clone()).await.map_err(|error| away(error.to_string()))?;
        Ok(context(kept.insert(client)))
    }

    fn subject(&self, event: &CloudEvent) -> String {
        let token = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
        self.subject.replace("{hub}", &token(&event.hub)).replace("{event}", &token(&event.name))
    }

    async fn publish(&self, events: &[CloudEvent]) -> Vec<Result<(), SendError>> {
        let context = match self.context().await {
            Ok(context) => context,
            Err(error) => return all(events, Err(error)),
        };
        let mut acks = Vec::with_capacity(events.len());
        for event in events {
            // All are on their way before the first is waited for.
            acks.push(
                context.publish_with_headers(self.subject(event), headers(event), event.body.clone()).await,
            );
        }
        let mut outcomes = Vec::with_capacity(events.len());
        for (event, ack) in events.iter().zip(acks) {
            let outcome = match ack {
                Ok(ack) => ack.await.map(|_| ()),
                Err(error) => Err(error),
            };
            outcomes.push(outcome.map_err(|error| self.failure(event, error.kind(), &error.to_string())));
        }
        outcomes
    }

    fn failure(&self, event: &CloudEvent, kind: PublishErrorKind, text: &str) -> SendError {
        match kind {
            PublishErrorKind::StreamNotFound => SendError::not_now(format!(
                "no JetStream stream takes the subject {}: create one that does",
                self.subject(event)
            )),
            PublishErrorKind::MaxPayloadExceeded => {
                SendError::Refused("the message exceeds the server's max_payload".to_owned())
            }
            PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => {
                SendError::away(format!("NATS at {} does not answer: {text}", self.servers.join(", ")))
            }
            _ => SendError::not_now(text),
        }
    }
}

impl Target for NatsTarget {
    fn send<'a>(&'a self, _: &'a HttpClient, events: &'a [CloudEvent]) -> Sent<'a> {
        Box::pin(self.publish(events))
    }
}

fn context(client: &Client) -> jetstream::Context {
    let mut context = jetstream::new(client.clone());
    context.set_timeout(Duration::from_millis(TIMEOUT_MS));
    context
}

/// CloudEvents in binary form, and the id by which the stream tells a repetition.
fn headers(event: &CloudEvent) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: &str, value: &str| {
        // A line break would end the header.
        let value: String =
            value.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
        headers.insert(name, value.as_str());
    };
    set("Nats-Msg-Id", &event.message_id());
    set("Content-Type", event.content().content_type());
    for (name, value) in event.attributes() {
        set(&format!("ce-{name}"), &value);
    }
    for entry in &event.metadata {
        set(&format!("{METADATA_PREFIX}{}", entry.name), &entry.value);
    }
    headers
}
