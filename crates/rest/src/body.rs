use std::error::Error as StdError;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::Body;
use http_body_util::BodyExt;
use hubwire_protocol::json;
use serde::de::IgnoredAny;

use crate::charset::Charset;
use crate::error::Error;
use crate::options::Options;

/// Refuses a body by the length that its header announces, before anything of it is read. A body of unknown length passes.
///
/// # Errors
/// [`Error::ContentLength`] if the length is over the limit or is no number.
pub(crate) fn check_length(headers: &HeaderMap, options: &Options) -> Result<(), Error> {
    for value in headers.get_all(CONTENT_LENGTH) {
        let length = value.to_str().ok().and_then(|text| text.parse::<usize>().ok());
        length.filter(|length| *length <= options.body_bytes_max).ok_or(Error::ContentLength)?;
    }
    Ok(())
}

/// Reads a whole body, within the limits of size and time.
///
/// # Errors
/// [`Error::ContentLength`], [`Error::BodyTimeout`] beyond a limit; [`Error::BodyBroken`] if the connection fails.
pub(crate) async fn read<B>(body: B, options: &Options) -> Result<Bytes, Error>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let body = pin!(body);
    let timeout_ms = options.body_timeout_ms;
    let reading = collect(body, options.body_bytes_max);
    let timed = tokio::time::timeout(Duration::from_millis(timeout_ms), reading).await;
    timed.map_err(|_| Error::BodyTimeout { timeout_ms })?
}

/// Reads what is left of a refused request's body, and forgets it. A caller that is still writing would otherwise find its connection
/// closed and never see why; and a connection whose request was read to its end serves the next one.
///
/// Bounded by twice the limit of a body and by its time; a caller beyond that loses its connection.
pub(crate) async fn discard<B>(mut body: B, options: Arc<Options>)
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut left_bytes = options.body_bytes_max.saturating_mul(2);
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let frame_bytes = frame.data_ref().map_or(0, Bytes::len);
            match left_bytes.checked_sub(frame_bytes) {
                Some(left) => left_bytes = left,
                None => return,
            }
        }
    };
    // What the reading comes to makes no difference to the answer, which is given already.
    let _late = tokio::time::timeout(Duration::from_millis(options.body_timeout_ms), reading).await;
}

/// A body that arrives in one piece is not copied. Trailers mean nothing here.
async fn collect<B>(mut body: Pin<&mut B>, bytes_max: usize) -> Result<Bytes, Error>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Error::BodyBroken(error.into()))?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > bytes_max.saturating_sub(first.len().max(whole.len())) {
            return Err(Error::ContentLength);
        }
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

/// Turns a body into exactly one JSON document in UTF-8, whose bytes stay as they are.
///
/// The depth is bounded, because the parsers of official clients stop at 64 levels, one of which is the message around the payload.
///
/// # Errors
/// [`Error::Json`] if it is none, or nests too deep.
pub(crate) fn document(body: Bytes, charset: Charset) -> Result<Bytes, Error> {
    let document = charset.to_utf8(body).map_err(|_| Error::Json)?;
    let too_deep = json::is_deeper(&document, json::DATA_DEPTH_MAX);
    let valid = !too_deep && serde_json::from_slice::<IgnoredAny>(&document).is_ok();
    valid.then_some(document).ok_or(Error::Json)
}
