//! Errors as the service describes them.

use azure_core::error::{Error, ErrorKind};
use serde::Deserialize;

/// The error object of the service: the whole body of an answer that is an error.
///
/// An [`azure_core::Error`] shows `code` and `message` itself; this gives the rest.
///
/// ```no_run
/// use webpubsub::{WebPubSubServiceClient, models::ErrorDetail};
///
/// # async fn example(client: WebPubSubServiceClient) -> azure_core::Result<()> {
/// if let Err(error) = client.group("room").add_connection("gone", None).await {
///     let detail = ErrorDetail::try_from(&error)?;
///     println!("{:?}: {:?}", detail.code, detail.target);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
#[non_exhaustive]
pub struct ErrorDetail {
    /// What is wrong, for programs: `Error.Connection.NotExisted` and the like.
    pub code: Option<String>,
    /// What is wrong, for people.
    pub message: Option<String>,
    /// What it is about, as `Connection` or the name of a parameter.
    pub target: Option<String>,
    /// The single errors that led to this one.
    pub details: Vec<ErrorDetail>,
}

impl TryFrom<&Error> for ErrorDetail {
    type Error = Error;

    /// Reads the body that came with the error.
    ///
    /// # Errors
    ///
    /// When the error is not an answer of the service, or has no such body.
    fn try_from(error: &Error) -> azure_core::Result<Self> {
        match error.kind() {
            ErrorKind::HttpResponse { raw_response: Some(response), .. } => {
                Ok(serde_json::from_slice(response.body())?)
            }
            _ => Err(Error::with_message(
                ErrorKind::DataConversion,
                "the error is not an answer of the service",
            )),
        }
    }
}
