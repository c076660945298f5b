//! One operation of the data plane, from its parts to its answer.

use crate::{
    Message, OnResponse,
    hub::Hub,
    metadata,
    models::ErrorDetail,
    path::{self, invalid},
};
use azure_core::{
    Result,
    error::{Error, ErrorKind},
    http::{
        Context, Method, PipelineSendOptions, RawResponse, Request, StatusCode, Url,
        headers::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, ERROR_CODE},
        request::Body,
    },
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt};

/// The longest time to live of a message, in seconds.
const MESSAGE_TTL_SECONDS_MAX: u16 = 300;

/// A request under construction.
pub(crate) struct Operation<'a> {
    hub: &'a Hub,
    method: Method,
    url: String,
    accept: &'static str,
    content: Option<(&'static str, Body)>,
    metadata: &'a BTreeMap<String, String>,
}

/// An operation that sends no metadata.
static NO_METADATA: BTreeMap<String, String> = BTreeMap::new();

impl<'a> Operation<'a> {
    /// `url` has its query begun with the `api-version`.
    pub(crate) fn new(hub: &'a Hub, method: Method, url: String) -> Self {
        Self { hub, method, url, accept: "application/json", content: None, metadata: &NO_METADATA }
    }

    pub(crate) fn query(mut self, name: &str, value: Option<impl AsRef<str>>) -> Self {
        if let Some(value) = value {
            self.append(name, value.as_ref());
        }
        self
    }

    /// Repeats the parameter for each value.
    pub(crate) fn query_each(mut self, name: &str, values: &[String]) -> Self {
        for value in values {
            self.append(name, value);
        }
        self
    }

    pub(crate) fn query_number(self, name: &str, value: Option<impl fmt::Display>) -> Self {
        self.query(name, value.map(|value| value.to_string()))
    }

    pub(crate) fn message_ttl_seconds(self, ttl_seconds: Option<u16>) -> Result<Self> {
        if ttl_seconds.is_some_and(|seconds| seconds > MESSAGE_TTL_SECONDS_MAX) {
            return Err(invalid(format!("message_ttl_seconds is more than {MESSAGE_TTL_SECONDS_MAX}")));
        }
        Ok(self.query_number("messageTtlSeconds", ttl_seconds))
    }

    /// A number that is at least 1 and at most `max`.
    pub(crate) fn query_count(self, name: &str, value: Option<u32>, max: u32) -> Result<Self> {
        match value {
            Some(count) if !(1..=max).contains(&count) => {
                Err(invalid(format!("{name} is not within 1 and {max}")))
            }
            _ => Ok(self.query_number(name, value)),
        }
    }

    pub(crate) fn accept(mut self, accept: &'static str) -> Self {
        self.accept = accept;
        self
    }

    pub(crate) fn message(mut self, message: Message) -> Self {
        self.content = Some(message.into_content());
        self
    }

    pub(crate) fn json(mut self, body: &impl Serialize) -> Result<Self> {
        self.content = Some(("application/json", serde_json::to_vec(body)?.into()));
        Ok(self)
    }

    pub(crate) fn metadata(mut self, metadata: &'a BTreeMap<String, String>) -> Result<Self> {
        metadata::check(metadata)?;
        self.metadata = metadata;
        Ok(self)
    }

    /// Sends the request. Any status but `success` is an error.
    pub(crate) async fn send(self, context: &Context<'_>, success: StatusCode) -> Result<RawResponse> {
        check(self.execute(context).await?, &[success])
    }

    /// Sends a `HEAD` request that asks whether something is there.
    pub(crate) async fn exists(self, context: &Context<'_>) -> Result<bool> {
        let response = self.execute(context).await?;
        Ok(check(response, &[StatusCode::Ok, StatusCode::NotFound])?.status() == StatusCode::Ok)
    }

    /// The URL with all parameters.
    pub(crate) fn into_url(self) -> Result<Url> {
        Ok(Url::parse(&self.url)?)
    }

    async fn execute(self, context: &Context<'_>) -> Result<RawResponse> {
        let mut request = Request::new(Url::parse(&self.url)?, self.method);
        if self.method != Method::Head {
            request.insert_header(ACCEPT, self.accept);
        }
        if let Some((content_type, body)) = self.content {
            request.insert_header(CONTENT_TYPE, content_type);
            // The transport knows the length of bytes, but sends a stream in chunks unless told, which not every
            // service takes.
            if let (Body::SeekableStream(_), Some(length)) = (&body, body.len()) {
                request.insert_header(CONTENT_LENGTH, length.to_string());
            }
            request.set_body(body);
        }
        metadata::insert(self.metadata, request.headers_mut());
        execute(self.hub, context, request).await
    }

    fn append(&mut self, name: &str, value: &str) {
        self.url.push('&');
        self.url.push_str(name);
        self.url.push('=');
        self.url.extend(path::encode(value));
    }
}

/// Gets a page by its URL.
pub(crate) async fn get(hub: &Hub, context: &Context<'_>, url: Url) -> Result<RawResponse> {
    let mut request = Request::new(url, Method::Get);
    request.insert_header(ACCEPT, "application/json");
    check(execute(hub, context, request).await?, &[StatusCode::Ok])
}

async fn execute(hub: &Hub, context: &Context<'_>, mut request: Request) -> Result<RawResponse> {
    // The checks of azure_core look for an error object that this service does not send; see `check`.
    let options = PipelineSendOptions { skip_checks: true, ..Default::default() };
    let response = hub.pipeline().send(context, &mut request, Some(options)).await?;
    if let Some(on_response) = context.value::<OnResponse>() {
        on_response.call(&response);
    }
    Ok(response)
}

/// Turns an unexpected status into an error with the code and the message that the service gives: the code in the
/// header `x-ms-error-code`, both in a body that is the bare error object.
fn check(response: RawResponse, expected: &[StatusCode]) -> Result<RawResponse> {
    let status = response.status();
    if expected.contains(&status) {
        return Ok(response);
    }
    let detail = serde_json::from_slice::<ErrorDetail>(response.body()).unwrap_or_default();
    let error_code = response.headers().get_optional_string(&ERROR_CODE).or(detail.code);
    let message = detail.message.unwrap_or_else(|| match std::str::from_utf8(response.body()) {
        Ok(text) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => canonical_reason(status).to_owned(),
    });
    tracing::info!(status = u16::from(status), error_code, "the service refused a request");
    let kind = ErrorKind::HttpResponse { status, error_code, raw_response: Some(Box::new(response)) };
    Err(Error::with_message(kind, format!("{status}: {message}")))
}

/// Words for answers that have none of their own.
fn canonical_reason(status: StatusCode) -> &'static str {
    match status {
        StatusCode::Unauthorized => {
            "the service refused the access key or token; check the key, the endpoint (the audience of the token) \
             and the clock of this machine"
        }
        StatusCode::Forbidden => "the credential lacks a role for this operation",
        StatusCode::NotFound => "not found",
        StatusCode::TooManyRequests => "too many requests",
        _ => "the service gave no reason",
    }
}
