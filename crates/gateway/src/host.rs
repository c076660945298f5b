use http::uri::Authority;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};

use crate::http::{Body, plain};

/// Refuses a request that does not say which host it is for as RFC 9112 §3.2 asks: once in HTTP/1.1, at most once in other versions, and as a host.
/// A proxy and the service could take it for two different ones.
pub(crate) fn refuse<B>(request: &Request<B>) -> Option<Response<Body>> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (first, more) = (hosts.next(), hosts.next());
    let named = match first {
        Some(host) => more.is_none() && is_host(host),
        None => request.version() != Version::HTTP_11,
    };
    if named {
        return None;
    }
    metrics::counter!("webpubsub_http_connection_errors_total").increment(1);
    let mut response = plain(StatusCode::BAD_REQUEST, "A request names one host, in one Host header.");
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    Some(response)
}

/// A host and perhaps a port, or nothing, which is what a URL without a host has.
fn is_host(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    bytes.is_empty() || (!bytes.contains(&b'@') && Authority::try_from(bytes).is_ok())
}
