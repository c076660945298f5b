use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ALLOW,
    CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use crate::error::{Error, Outline};
use crate::success::Success;
use crate::version;

const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");
const SUPPORTED_VERSIONS: HeaderName = HeaderName::from_static("api-supported-versions");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// The type of an invalid filter's answer: official clients parse its body as JSON like any other.
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const ANY: HeaderValue = HeaderValue::from_static("*");
/// The headers that a page in a browser may read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "api-supported-versions, x-ms-request-id, x-ms-client-request-id, x-ms-error-code, retry-after, allow",
);
/// How long a browser may remember what it is allowed, in seconds: the longest that browsers honour is two hours.
const PREFLIGHT_MAX_AGE_S: u32 = 7200;

/// The body of an error, bare as the service's API description has it.
#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'a str,
    message: &'a str,
    target: &'a str,
}

/// Writes the answer to a request.
pub(crate) fn write(
    request: &Parts,
    result: Result<Success, Error>,
    retry_after_s: u32,
) -> Response<Full<Bytes>> {
    let mut response = match result {
        Ok(success) => succeed(success, &request.headers),
        Err(error) => fail(&error, retry_after_s),
    };
    if request.method == Method::HEAD {
        *response.body_mut() = Full::default();
        response.headers_mut().remove(CONTENT_TYPE);
        // Without a length Node's agent takes the connection for finished, and opens another for every existence check.
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    add_common_headers(response.headers_mut(), &request.headers);
    response
}

fn succeed(success: Success, request: &HeaderMap) -> Response<Full<Bytes>> {
    match success {
        Success::Done => respond(StatusCode::OK, Bytes::new()),
        Success::Accepted => respond(StatusCode::ACCEPTED, Bytes::new()),
        Success::NoContent => respond(StatusCode::NO_CONTENT, Bytes::new()),
        Success::Document(body) => {
            let mut response = respond(StatusCode::OK, body);
            response.headers_mut().insert(CONTENT_TYPE, JSON);
            response
        }
        Success::Preflight { allow } => preflight(allow, request),
    }
}

/// Any page may call, with any header: what protects the service is the token, which no browser adds on its own.
fn preflight(allow: &'static str, request: &HeaderMap) -> Response<Full<Bytes>> {
    let mut response = respond(StatusCode::NO_CONTENT, Bytes::new());
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(allow));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(allow));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(PREFLIGHT_MAX_AGE_S));
    if let Some(wanted) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        // A wildcard would not cover the Authorization header.
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    response
}

fn fail(error: &Error, retry_after_s: u32) -> Response<Full<Bytes>> {
    let Outline { status, code, target } = error.outline();
    let message = error.to_string();
    // Three strings always serialise.
    let body = serde_json::to_vec(&ErrorBody { code, message: &message, target }).unwrap_or_default();
    let mut response = respond(status, body.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, if matches!(error, Error::Filter(_)) { PROBLEM } else { JSON });
    headers.insert(ERROR_CODE, HeaderValue::from_static(code));
    match error {
        Error::Busy(_) | Error::Pace => headers.insert(RETRY_AFTER, HeaderValue::from(retry_after_s)),
        Error::MethodNotAllowed { allow } => headers.insert(ALLOW, HeaderValue::from_static(allow)),
        _ => None,
    };
    response
}

fn respond(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
}

fn add_common_headers(headers: &mut HeaderMap, request: &HeaderMap) {
    headers.insert(SUPPORTED_VERSIONS, HeaderValue::from_static(version::SUPPORTED));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    // Hexadecimal digits are always a valid header value.
    if let Ok(id) = HeaderValue::try_from(format!("{:032x}", rand::random::<u128>())) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(id) = request.get(CLIENT_REQUEST_ID) {
        headers.insert(CLIENT_REQUEST_ID, id.clone());
    }
}
