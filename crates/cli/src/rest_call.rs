use anyhow::{Context, bail};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::service::Service;

/// Posts one message and expects it to be accepted.
pub(crate) async fn post(
    service: &Service,
    path: &str,
    content_type: HeaderValue,
    message: String,
) -> anyhow::Result<()> {
    let request = Request::post(format!("{path}?api-version=2024-12-01"))
        .header(HOST, service.endpoint.authority())
        .header(AUTHORIZATION, format!("Bearer {}", service.rest_token(path)?))
        .header(CONTENT_TYPE, content_type)
        .body(Full::new(Bytes::from(message)))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(service.connect().await?)).await?;
    // The connection ends with its one call; what goes wrong with it shows in the call.
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.context("the connection broke during the call")?;
    let status = response.status();
    let body = response.into_body().collect().await.context("the answer broke off")?.to_bytes();
    connection.abort();
    match status {
        StatusCode::ACCEPTED => Ok(()),
        StatusCode::UNAUTHORIZED => bail!(
            "{} answered 401: does the access key (--access-key, HUBWIRE_ACCESS_KEY) belong to this endpoint? {}",
            service.endpoint,
            String::from_utf8_lossy(&body)
        ),
        status => bail!("{} answered {status}: {}", service.endpoint, String::from_utf8_lossy(&body)),
    }
}
