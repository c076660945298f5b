use http::request::Parts;
use http::{HeaderMap, StatusCode};
use hubwire_hub::{Count, Fact, Happening, Observer, RestCall, Span, TraceContext, Work};
use hubwire_protocol::{ConnectionId, GroupName, HubName, UserId};

use crate::operation::Operation;
use crate::path::Path;
use crate::route::Resource;

/// What a filter of the log chooses lines about REST requests by.
pub(crate) const HTTP: &str = "hubwire::http";
/// Their category, as the managed service names it.
pub(crate) const HTTP_REQUEST_LOGS: &str = "HttpRequestLogs";

/// The place of a call in a distributed trace, where it is in one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    /// What the caller names in its `traceparent` header.
    cause: Option<TraceContext>,
    /// What comes of the call is caused by this.
    pub(crate) context: Option<TraceContext>,
}

impl Place {
    /// The place of a call that begins now. A health check is nobody's work.
    pub(crate) fn of(observer: &dyn Observer, headers: &HeaderMap, operation: Operation) -> Self {
        if operation == Operation::HealthCheck {
            return Self::default();
        }
        let header = headers.get("traceparent").and_then(|header| header.to_str().ok());
        let cause = header.and_then(TraceContext::from_traceparent);
        Self { cause, context: observer.begin(cause) }
    }
}

/// An answered call.
pub(crate) struct Answered<'a> {
    pub(crate) operation: Operation,
    pub(crate) head: &'a Parts,
    pub(crate) place: Place,
    pub(crate) status: StatusCode,
    /// When it began and ended, in microseconds on the clock that never goes back.
    pub(crate) times_us: (u64, u64),
    /// The error's code and text, if it was refused.
    pub(crate) error: Option<(&'static str, String)>,
}

impl Answered<'_> {
    /// Counts the call, and tells whoever watches or collects spans.
    pub(crate) fn tell(self, observer: &dyn Observer) {
        let (begun_us, ended_us) = self.times_us;
        let duration_us = ended_us.saturating_sub(begun_us);
        let (operation, status) = (self.operation.name(), self.status.as_u16());
        let (method, path) = (self.head.method.as_str(), self.head.uri.path());
        tracing::debug!(target: HTTP, category = HTTP_REQUEST_LOGS, operation, method, path, status, duration_us, "a REST request was answered");
        observer.count(Count::RestCall(status));
        let duration = metrics::histogram!("webpubsub_rest_duration_seconds", "operation" => operation);
        duration.record(duration_us as f64 / 1e6);
        let collected = observer.collects_spans();
        let sampled = self.place.context.filter(|context| collected && context.sampled);
        let watched = observer.is_watching();
        if !watched && sampled.is_none() {
            return;
        }
        let call = RestCall {
            operation,
            method: method.to_owned(),
            path: path.to_owned(),
            status,
            duration_us,
            trace_id: self.place.context.map(|context| context.trace_id),
            error: self.error,
        };
        let fact = named(path, Fact::of_hub(None, Happening::RestCall(Box::new(call.clone()))));
        if let Some(context) = sampled {
            let work = Work::RestCall(Box::new(call));
            let span = Span::new(context, self.place.cause, self.times_us, work);
            let Fact { hub, group, user, connection, .. } = fact.clone();
            observer.end(Span { hub, group, user, connection, ..span });
        }
        if watched {
            observer.observe(None, vec![fact], 0);
        }
    }
}

/// The fact, with what a path names.
fn named(path: &str, mut fact: Fact) -> Fact {
    if let Ok(path) = Path::decode(path)
        && let Some((_, names)) = Resource::find(&path)
    {
        fact.hub = HubName::parse(names.hub).ok();
        fact.group = GroupName::parse(names.group).ok();
        fact.user = UserId::parse(names.user).ok();
        fact.connection = ConnectionId::parse(names.connection);
    }
    fact
}
