use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::Full;
use hubwire_hub::{Count, Fact, Happening, Observer, Span, TraceContext, UpstreamCall, Work};
use hubwire_protocol::HubName;
use hyper::body::Incoming;

use crate::attempts::attempts;
use crate::client::{HttpClient, read_body};
use crate::cookies::Cookies;
use crate::settings::{Handler, HandlerAuth, HubUpstream, Settings};
use crate::validation::{Inquiry, Validations};
use crate::{CallError, CloudEvent, Environment};

/// What of an answer that nobody minds is read, in bytes. A connection with more to come is closed, which costs less.
const PASSED_OVER_BYTES: usize = 64 << 10;
/// How long that may take, in milliseconds, while the connection's next event waits.
const PASSED_OVER_MS: u64 = 1_000;

/// What calls of all workers share.
pub(crate) struct Memory {
    pub(crate) validations: Validations,
    pub(crate) cookies: Cookies,
    pub(crate) environment: Arc<dyn Environment>,
    pub(crate) observer: Arc<dyn Observer>,
}

/// One event on its way to one handler, with the settings that were in force when it was raised.
pub(crate) struct Call<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) hub: &'a HubUpstream,
    pub(crate) handler: &'a Handler,
    pub(crate) event: &'a CloudEvent,
    pub(crate) repeated: Repeated,
}

/// Whether a call that fails is repeated at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeated {
    /// By the service's schedule: somebody waits for the answer.
    Soon,
    /// No: the outbox has a schedule of its own.
    Later,
}

/// A handler's answer, of a status that says yes.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call<'_> {
    /// Makes the call: within the bounds of its hub and host, after validation, as often as its schedule has it.
    pub(crate) async fn make(&self, client: &HttpClient, memory: &Memory) -> Result<Reply, CallError> {
        let begun_us = memory.environment.monotonic_us();
        let timeout_ms = self.settings.limits.call_timeout_ms;
        let failed = Mutex::new(None);
        let context = self.context(memory);
        let made = self.make_in_turn((client, context), memory, &failed);
        let made = tokio::time::timeout(Duration::from_millis(timeout_ms), made).await;
        let outcome = made.unwrap_or_else(|_| {
            // Why the attempts before failed says more than that there was no time for another.
            let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
            Err(failed.map_or(CallError::Timeout(timeout_ms), |error| CallError::Repeated(timeout_ms, error)))
        });
        let status = match &outcome {
            Ok(_) => "ok",
            Err(CallError::Status(_)) => "refused",
            Err(CallError::Timeout(_) | CallError::Repeated(..)) => "timeout",
            Err(_) => "failed",
        };
        metrics::counter!("webpubsub_upstream_calls_total", "outcome" => status).increment(1);
        self.tell(memory, &outcome, context, (begun_us, memory.environment.monotonic_us()));
        outcome
    }

    /// The place of the call in a trace. Where spans are collected, each has one of its own: the outbox makes several calls of one request.
    fn context(&self, memory: &Memory) -> Option<TraceContext> {
        let context = self.event.context()?;
        let begun = memory.observer.collects_spans().then(|| memory.observer.begin(self.event.cause()));
        let place =
            |begun: TraceContext| TraceContext { span_id: begun.span_id, sampled: begun.sampled, ..context };
        Some(begun.flatten().map_or(context, place))
    }

    /// Counts the call, and tells whoever watches or collects spans.
    fn tell(
        &self,
        memory: &Memory,
        outcome: &Result<Reply, CallError>,
        context: Option<TraceContext>,
        times_us: (u64, u64),
    ) {
        let duration_us = times_us.1.saturating_sub(times_us.0);
        let failed = outcome.is_err();
        memory.observer.count(Count::UpstreamCall { failed, duration_us });
        metrics::histogram!("webpubsub_upstream_duration_seconds").record(duration_us as f64 / 1e6);
        let collected = memory.observer.collects_spans();
        let sampled = context.filter(|context| collected && context.sampled);
        let watched = memory.observer.is_watching();
        if !watched && sampled.is_none() {
            return;
        }
        let call = UpstreamCall {
            event: self.event.name.clone(),
            request_id: self.event.guid(),
            url: self.uri().map(|uri| shown(&uri)).unwrap_or_default(),
            status: match outcome {
                Ok(reply) => reply.status.as_u16(),
                Err(error) => error.status(),
            },
            duration_ms: duration_us / 1_000,
            failure: outcome.as_ref().err().map(ToString::to_string),
        };
        let (hub, connection) = (HubName::parse(&self.event.hub).ok(), self.event.connection_id());
        if let Some(context) = sampled {
            let work = Work::UpstreamCall(Box::new(call.clone()));
            let span = Span::new(context, self.event.cause(), times_us, work);
            memory.observer.end(Span { hub: hub.clone(), connection, ..span });
        }
        if watched {
            let happening = Happening::UpstreamCall(Box::new(call));
            memory.observer.observe(None, vec![Fact { connection, ..Fact::of_hub(hub, happening) }], 0);
        }
    }

    /// What an attempt failed by is left in `failed`.
    async fn make_in_turn(
        &self,
        (client, context): (&HttpClient, Option<TraceContext>),
        memory: &Memory,
        failed: &Mutex<Option<Box<CallError>>>,
    ) -> Result<Reply, CallError> {
        let closed = |_| CallError::Request("the service stops".to_owned());
        let _in_hub = self.hub.calls.turn(&self.event.hub).await.map_err(closed)?;
        let _at_host = self.handler.host_calls.acquire().await.map_err(closed)?;
        self.validate(client, memory).await?;
        let uri = self.uri()?;
        let headers = self.headers(&uri, (client, context), memory).await?;
        let attempt = || async {
            self.attempt(client, &uri, &headers).await.inspect_err(|error| {
                *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(error.clone()));
            })
        };
        let answer = match self.repeated {
            Repeated::Soon => attempts(attempt).await?,
            Repeated::Later => attempt().await?,
        };
        let (head, body) = answer.into_parts();
        let body = match self.repeated {
            Repeated::Soon => read_body(body, self.settings.limits.answer_bytes_max).await?,
            Repeated::Later => pass_over(body).await,
        };
        // Only now: a caller that was given up meanwhile would leave them behind for good.
        if let Some(connection) = self.event.connection_id() {
            memory.cookies.keep(connection, &uri, &head.headers);
        }
        Ok(Reply { status: head.status, headers: head.headers, body })
    }

    /// The request of an attempt.
    pub(crate) async fn request(
        &self,
        client: &HttpClient,
        memory: &Memory,
    ) -> Result<Request<Full<Bytes>>, CallError> {
        let uri = self.uri()?;
        let headers = self.headers(&uri, (client, self.context(memory)), memory).await?;
        Ok(self.attempt_request(&uri, &headers))
    }

    fn attempt_request(&self, uri: &Uri, headers: &HeaderMap) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::from(self.event.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers.clone();
        request
    }

    fn origin(&self) -> &str {
        self.settings.origin.as_deref().unwrap_or(&self.event.origin)
    }

    fn uri(&self) -> Result<Uri, CallError> {
        let uri = self.handler.template.expand(&self.event.hub, &self.event.name);
        uri.ok_or_else(|| CallError::Request("its names make no URL".to_owned()))
    }

    async fn validate(&self, client: &HttpClient, memory: &Memory) -> Result<(), CallError> {
        if !self.handler.validate {
            return Ok(());
        }
        let uri = self.handler.template.validation_url(&self.event.hub);
        let inquiry = Inquiry {
            client: client.clone(),
            uri: uri.ok_or_else(|| CallError::Request("its hub makes no URL".to_owned()))?,
            origin: self.origin().to_owned(),
            timeout_ms: self.settings.limits.validation_timeout_ms,
            environment: memory.environment.clone(),
        };
        memory.validations.check(inquiry).await
    }

    async fn headers(
        &self,
        uri: &Uri,
        (client, context): (&HttpClient, Option<TraceContext>),
        memory: &Memory,
    ) -> Result<HeaderMap, CallError> {
        let mut headers = self.event.headers(&self.settings.keys, self.settings.origin.as_deref())?;
        if let Some(context) = context.filter(|_| self.settings.trace_context) {
            let traceparent = HeaderValue::from_str(&context.to_string());
            headers
                .insert("traceparent", traceparent.map_err(|error| CallError::Request(error.to_string()))?);
        }
        for (name, value) in &self.handler.headers {
            headers.insert(name, value.clone());
        }
        match &self.handler.auth {
            HandlerAuth::None => {}
            HandlerAuth::Bearer(token) => {
                let bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
                let mut bearer =
                    bearer.map_err(|_| CallError::Token("it cannot stand in a header".to_owned()))?;
                bearer.set_sensitive(true);
                headers.insert(header::AUTHORIZATION, bearer);
            }
            HandlerAuth::ClientCredentials(credentials) => {
                let bearer = credentials.header(client, memory.environment.monotonic_ms()).await?;
                headers.insert(header::AUTHORIZATION, bearer);
            }
        }
        if let Some(cookie) =
            self.event.connection_id().and_then(|connection| memory.cookies.header(connection, uri))
        {
            headers.insert(header::COOKIE, cookie);
        }
        Ok(headers)
    }

    async fn attempt(
        &self,
        client: &HttpClient,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Response<Incoming>, CallError> {
        let answer = client.send(self.attempt_request(uri, headers)).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        if let (StatusCode::UNAUTHORIZED, HandlerAuth::ClientCredentials(credentials)) =
            (answer.status(), &self.handler.auth)
        {
            // The token may have been withdrawn; the next call shows a new one.
            credentials.forget().await;
        }
        Err(CallError::Status(answer.status()))
    }
}

/// A URL without its query, which may hold a code, and without a name and password.
fn shown(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let place = authority.rsplit('@').next().unwrap_or_default();
    format!("{}://{place}{}", uri.scheme_str().unwrap_or("http"), uri.path())
}

/// Reads a body that nobody minds, so that its connection can be used again. The status has said that the event was taken: a body that is
/// long, slow or broken off makes no difference, and must not have the event told once more.
async fn pass_over(body: Incoming) -> Bytes {
    let read =
        tokio::time::timeout(Duration::from_millis(PASSED_OVER_MS), read_body(body, PASSED_OVER_BYTES));
    let _ignored = read.await;
    Bytes::new()
}
