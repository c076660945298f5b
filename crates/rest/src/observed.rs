use http::request::Parts;
use http::{HeaderMap, StatusCode};
use hubwire_hub::{Count, Fact, Happening, Observer, RestCall, TraceId};
use hubwire_protocol::{ConnectionId, GroupName, HubName, UserId};

use crate::operation::Operation;
use crate::path::Path;
use crate::route::Resource;

/// What a filter of the log chooses lines about REST requests by.
pub(crate) const HTTP: &str = "hubwire::http";
/// Their category, as the managed service names it.
pub(crate) const HTTP_REQUEST_LOGS: &str = "HttpRequestLogs";

/// The trace that a caller is in, by its `traceparent` header.
pub(crate) fn trace_id(headers: &HeaderMap) -> Option<TraceId> {
    TraceId::from_traceparent(headers.get("traceparent")?.to_str().ok()?)
}

/// Counts a call that was answered, and tells whoever watches.
pub(crate) fn tell(
    observer: &dyn Observer,
    (operation, head): (Operation, &Parts),
    status: StatusCode,
    duration_us: u64,
    error: Option<(&'static str, String)>,
) {
    let (method, path, code) = (head.method.as_str(), head.uri.path(), status.as_u16());
    tracing::debug!(target: HTTP, category = HTTP_REQUEST_LOGS, operation = operation.name(), method, path, status = code, duration_us, "a REST request was answered");
    observer.count(Count::RestCall(code));
    let duration = metrics::histogram!("webpubsub_rest_duration_seconds", "operation" => operation.name());
    duration.record(duration_us as f64 / 1e6);
    if !observer.is_watching() {
        return;
    }
    let call = RestCall {
        operation: operation.name(),
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        status: status.as_u16(),
        duration_us,
        trace_id: trace_id(&head.headers),
        error,
    };
    let mut fact = Fact::of_hub(None, Happening::RestCall(Box::new(call)));
    if let Ok(path) = Path::decode(head.uri.path())
        && let Some((_, names)) = Resource::find(&path)
    {
        fact.hub = HubName::parse(names.hub).ok();
        fact.group = GroupName::parse(names.group).ok();
        fact.user = UserId::parse(names.user).ok();
        fact.connection = ConnectionId::parse(names.connection);
    }
    observer.observe(None, vec![fact], 0);
}
