//! Where a client gets the URL that it connects with.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use crate::error::{Error, Result, Source};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type UrlFuture = Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send>>;

/// Gives the client access URL: `wss://<host>/client/hubs/<hub>?access_token=<token>`.
///
/// A URL is used for every connection, so its token may have expired when the client reconnects. A function is called for every new session,
/// and can ask the application's server for a fresh one. Recoveries need no new URL.
#[derive(Clone)]
pub struct Credential(Kind);

#[derive(Clone)]
enum Kind {
    Url(String),
    Function(Arc<dyn Fn() -> UrlFuture + Send + Sync>),
}

impl Credential {
    /// One URL for every session.
    pub fn from_url(url: impl Into<String>) -> Self {
        Self(Kind::Url(url.into()))
    }

    /// A function that gives a URL for each new session. It is dropped when it takes longer than the connect time-out, or when the client
    /// is stopped.
    pub fn from_fn<F, Fut, E>(function: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self(Kind::Function(Arc::new(move || {
            let url = function();
            Box::pin(async move { url.await.map_err(Into::into) })
        })))
    }

    pub(crate) async fn url(&self) -> Result<String> {
        match &self.0 {
            Kind::Url(url) => Ok(url.clone()),
            Kind::Function(function) => {
                function().await.map_err(|error| Error::Credential(Source::from(error)))
            }
        }
    }
}

/// A URL holds a token, so it is not shown.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Url(_) => "Credential(URL)",
            Kind::Function(_) => "Credential(function)",
        })
    }
}

impl From<&str> for Credential {
    fn from(url: &str) -> Self {
        Self::from_url(url)
    }
}

impl From<String> for Credential {
    fn from(url: String) -> Self {
        Self::from_url(url)
    }
}

impl From<url::Url> for Credential {
    fn from(url: url::Url) -> Self {
        Self::from_url(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_shown() {
        let credential = Credential::from("wss://host/client/hubs/chat?access_token=secret");
        assert!(!format!("{credential:?}").contains("secret"));
    }
}
