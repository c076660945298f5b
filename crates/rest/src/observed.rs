use http::StatusCode;
use http::request::Parts;
use hubwire_hub::{Count, Fact, Happening, Observer, RestCall};
use hubwire_protocol::{ConnectionId, GroupName, HubName, UserId};

use crate::operation::Operation;
use crate::path::Path;
use crate::route::Resource;

/// Counts a call that was answered, and tells whoever watches.
pub(crate) fn tell(
    observer: &dyn Observer,
    (operation, head): (Operation, &Parts),
    status: StatusCode,
    duration_us: u64,
    error: Option<(&'static str, String)>,
) {
    observer.count(Count::RestCall(status.as_u16()));
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
