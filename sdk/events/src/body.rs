use bytes::Bytes;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::{BoxError, Error};

/// Reads a whole body of at most so many bytes.
pub(crate) async fn read<B>(body: B, bytes_max: usize) -> Result<Bytes, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    // A body that says its length is refused before a byte of it is read.
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(Error::BodyTooLarge(bytes_max));
    }
    match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Error::BodyTooLarge(bytes_max)),
        Err(error) => {
            tracing::debug!(error, "the body of an event broke off");
            Err(Error::BodyUnreadable)
        }
    }
}
