//! Logs show requests, and no secret.
//!
//! There is one test in this program, because `tracing` remembers for the whole process which logs nobody wants, as
//! judged by the first thread that comes by.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "wire/capture.rs"]
#[expect(dead_code, reason = "the tests of requests use the rest")]
mod capture;

use capture::{Answer, Capture, KEY, client, local};
use std::{
    io,
    sync::{Arc, Mutex},
};
use tracing_subscriber::{EnvFilter, filter::LevelFilter, fmt::MakeWriter};
use webpubsub::{Message, models::*};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn subscribe(&self, filter: EnvFilter) -> tracing::subscriber::DefaultGuard {
        let subscriber =
            tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(self.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// What a program may do with secrets around it; the tokens that were used.
async fn requests() -> Vec<String> {
    let capture = Capture::new(|request| Answer::status(if request.method == "POST" { 202 } else { 401 }));
    let client = client(&capture.serve().await, local());
    let options = WebPubSubServiceClientSendToAllOptions {
        filter: Some("userId eq 'private'".into()),
        ..Default::default()
    };
    client.send_to_all(Message::text("hi"), Some(options)).await.unwrap();
    client.user_exists("u", None).await.unwrap_err();
    let access = client.get_client_access_token(None).await.unwrap();
    let tokens = capture.take().into_iter().map(|request| request.headers["authorization"].clone());
    tokens.map(|token| token.replace("Bearer ", "")).chain([access.token]).collect()
}

#[tokio::test]
async fn logs_show_requests_at_the_level_that_was_asked_for_and_never_a_secret() {
    secrets_are_redacted_at_the_most_talkative_level().await;
    #[cfg(feature = "logging")]
    levels_are_those_of_the_other_sdks().await;
}

async fn secrets_are_redacted_at_the_most_talkative_level() {
    let lines = Lines::default();
    let guard = lines.subscribe(EnvFilter::default().add_directive(LevelFilter::TRACE.into()));
    let tokens = requests().await;
    drop(guard);
    let text = lines.text();
    assert!(text.contains("/api/hubs/chat/:send?api-version=2024-12-01&filter=REDACTED"), "{text}");
    assert!(text.contains("authorization: REDACTED"), "{text}");
    assert_eq!(tokens.len(), 3);
    for secret in tokens.iter().map(String::as_str).chain([KEY, "private"]) {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[cfg(feature = "logging")]
async fn levels_are_those_of_the_other_sdks() {
    use webpubsub::logging::LogLevel;

    for (level, shown) in [(LogLevel::Verbose, true), (LogLevel::Info, true), (LogLevel::Warning, false)] {
        let lines = Lines::default();
        let guard = lines.subscribe(level.env_filter());
        requests().await;
        drop(guard);
        let text = lines.text();
        assert_eq!(text.contains("==> Request"), shown, "{level:?}: {text}");
        assert!(text.contains("plain http"), "{level:?}: {text}");
    }
}
