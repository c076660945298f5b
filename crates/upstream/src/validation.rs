//! Abuse protection: a handler is called only after it has said that it wants this service's calls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::attempts::attempts;
use crate::client::HttpClient;
use crate::template::shown;
use crate::{CallError, Environment};

/// How long a handler's consent counts, in milliseconds, before it is asked again.
const CONSENT_MS: u64 = 60_000;
/// How long after a first failure a handler is asked again, in milliseconds; twice as long after each further one.
const FAILURE_WAIT_MS: u64 = 1_000;
/// The longest such wait.
const FAILURE_WAIT_MS_MAX: u64 = 60_000;
/// URLs whose verdicts are kept. Where there are more, all that are over their time are forgotten; if none is, all.
const VERDICTS_MAX: usize = 10_000;

/// What handlers have said to this service's wish to call them, by the URL that they were asked at.
///
/// The first question to a handler delays the events that raised it, and is shared by all of them. Later ones are asked in the background,
/// while the last verdict goes on to count.
#[derive(Default)]
pub(crate) struct Validations {
    verdicts: Mutex<HashMap<String, Arc<Verdict>>>,
}

#[derive(Default)]
struct Verdict {
    /// Held while the first question is asked.
    first: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What the handler said last; nothing yet.
    outcome: Option<Result<(), CallError>>,
    /// When it is asked again, on the monotonic clock.
    next_ms: u64,
    /// Failures since the last success.
    failures: u32,
    /// It is being asked in the background.
    asking: bool,
}

/// One question to a handler.
#[derive(Clone)]
pub(crate) struct Inquiry {
    pub(crate) client: HttpClient,
    pub(crate) uri: Uri,
    /// The host of this service.
    pub(crate) origin: String,
    pub(crate) timeout_ms: u64,
    pub(crate) environment: Arc<dyn Environment>,
}

impl Validations {
    /// Whether the handler wants to be called.
    pub(crate) async fn check(&self, inquiry: Inquiry) -> Result<(), CallError> {
        let verdict = self.verdict(&inquiry);
        if let Some(known) = verdict.known(&inquiry) {
            return known;
        }
        let _first = verdict.first.lock().await;
        if let Some(known) = verdict.known(&inquiry) {
            return known;
        }
        let outcome = inquiry.ask().await;
        verdict.keep(outcome.clone(), inquiry.environment.monotonic_ms());
        outcome
    }

    fn verdict(&self, inquiry: &Inquiry) -> Arc<Verdict> {
        let key = format!("{} {}", inquiry.origin, inquiry.uri);
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        if verdicts.len() >= VERDICTS_MAX && !verdicts.contains_key(&key) {
            let now_ms = inquiry.environment.monotonic_ms();
            verdicts.retain(|_, verdict| verdict.state().next_ms > now_ms);
            if verdicts.len() >= VERDICTS_MAX {
                verdicts.clear();
            }
        }
        verdicts.entry(key).or_default().clone()
    }
}

impl Verdict {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last outcome; if it has become old, the handler is asked again meanwhile.
    fn known(self: &Arc<Self>, inquiry: &Inquiry) -> Option<Result<(), CallError>> {
        let mut state = self.state();
        let outcome = state.outcome.clone()?;
        if !state.asking && state.next_ms <= inquiry.environment.monotonic_ms() {
            state.asking = true;
            let (verdict, inquiry) = (self.clone(), inquiry.clone());
            tokio::spawn(async move {
                let outcome = inquiry.ask().await;
                verdict.keep(outcome, inquiry.environment.monotonic_ms());
            });
        }
        Some(outcome)
    }

    fn keep(&self, outcome: Result<(), CallError>, now_ms: u64) {
        let mut state = self.state();
        let wait_ms = if outcome.is_ok() {
            state.failures = 0;
            CONSENT_MS
        } else {
            metrics::counter!("webpubsub_upstream_validation_failures_total").increment(1);
            state.failures += 1;
            FAILURE_WAIT_MS.saturating_mul(1 << (state.failures - 1).min(10)).min(FAILURE_WAIT_MS_MAX)
        };
        state.next_ms = now_ms + wait_ms;
        state.outcome = Some(outcome);
        state.asking = false;
    }
}

impl Inquiry {
    /// Asks with OPTIONS, and with GET where that is not found.
    pub(crate) async fn ask(&self) -> Result<(), CallError> {
        let outcome = self.ask_either().await;
        if let Err(error) = &outcome {
            tracing::warn!(url = shown(&self.uri.to_string()), %error, "an event handler is not validated, and gets no events");
        }
        outcome
    }

    async fn ask_either(&self) -> Result<(), CallError> {
        let answer = match self.ask_with(Method::OPTIONS).await {
            Ok(answer) => answer,
            Err(CallError::Status(StatusCode::NOT_FOUND)) => {
                self.ask_with(Method::GET).await.map_err(|error| self.status(error))?
            }
            Err(error) => return Err(self.status(error)),
        };
        self.judge(answer.headers())
    }

    fn status(&self, error: CallError) -> CallError {
        match error {
            CallError::Status(status) => CallError::ValidationStatus { url: self.shown(), status },
            error => CallError::Validation(Box::new(error)),
        }
    }

    fn shown(&self) -> String {
        shown(&self.uri.to_string()).to_owned()
    }

    async fn ask_with(&self, method: Method) -> Result<Response<Incoming>, CallError> {
        attempts(|| async {
            let asked = self.client.send(self.request(&method));
            let timeout = Duration::from_millis(self.timeout_ms);
            let answer = tokio::time::timeout(timeout, asked)
                .await
                .map_err(|_| CallError::Timeout(self.timeout_ms))??;
            if answer.status().is_success() { Ok(answer) } else { Err(CallError::Status(answer.status())) }
        })
        .await
    }

    /// The request, as handlers are asked.
    pub(crate) fn request(&self, method: &Method) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::default());
        *request.method_mut() = method.clone();
        *request.uri_mut() = self.uri.clone();
        let origin = HeaderValue::from_str(&self.origin).unwrap_or_else(|_| HeaderValue::from_static(""));
        request.headers_mut().insert("webhook-request-origin", origin);
        request.headers_mut().insert("ce-awpsversion", HeaderValue::from_static("1.0"));
        request
    }

    /// Whether an answer's headers allow this service: by `*`, by its host, or by its host with a port; in one line or several, separated by
    /// commas or not.
    pub(crate) fn judge(&self, headers: &HeaderMap) -> Result<(), CallError> {
        let lines = headers.get_all("webhook-allowed-origin").iter().filter_map(|line| line.to_str().ok());
        let allowed: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
        let is_ours = |origin: &&str| {
            let host = match origin.rsplit_once(':') {
                Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
                _ => origin,
            };
            *origin == "*"
                || origin.eq_ignore_ascii_case(&self.origin)
                || host.eq_ignore_ascii_case(&self.origin)
        };
        if allowed.iter().any(is_ours) {
            return Ok(());
        }
        let (url, origin) = (self.shown(), self.origin.clone());
        Err(CallError::OriginNotAllowed { url, allowed: allowed.join(", "), origin })
    }
}
