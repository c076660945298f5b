use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};

/// What comes of a request: an answer of any status, or a sentence that says why there is none.
pub type Posted = Pin<Box<dyn Future<Output = Result<Response<Bytes>, String>> + Send>>;
/// Sends a request. The bound in time is its own.
pub type Post = Box<dyn Fn(Request<Bytes>) -> Posted + Send + Sync>;

/// The service's own HTTP client, as the exporter knows one. Clones share it.
#[derive(Clone)]
pub(crate) struct Transport(Arc<Shared>);

struct Shared {
    post: Post,
    /// Why the last request came to nothing. The exporter itself says only that it did.
    failure: Mutex<Option<String>>,
}

impl Transport {
    pub(crate) fn new(post: Post) -> Self {
        Self(Arc::new(Shared { post, failure: Mutex::default() }))
    }

    pub(crate) fn take_failure(&self) -> Option<String> {
        self.0.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, failure: Option<String>) {
        *self.0.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Transport {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let posted = (self.0.post)(request).await;
        self.note(match &posted {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("the collector answered with status {}", answer.status())),
            Err(reason) => Some(reason.clone()),
        });
        posted.map_err(Into::into)
    }
}
