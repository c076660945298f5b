//! A look at the raw answer of a call.

use azure_core::http::{ClientMethodOptions, Context, RawResponse, pager::PagerOptions};
use std::{fmt, sync::Arc};

/// Is called with the raw HTTP response of each request of a call: status, headers and body, also when the call then
/// fails because of the status. It is `onResponse` of the JavaScript SDK.
///
/// Most methods return the response anyway. This is for those that do not, as
/// [`group_exists`](crate::WebPubSubServiceClient::group_exists), and for answers that are errors. It works with
/// every method, because it travels in the method options:
///
/// ```no_run
/// use webpubsub::{OnResponse, WebPubSubServiceClient, models::WebPubSubServiceClientGroupExistsOptions};
///
/// # async fn example(client: WebPubSubServiceClient) -> azure_core::Result<()> {
/// let options = WebPubSubServiceClientGroupExistsOptions {
///     method_options: OnResponse::new(|response| println!("{} {:?}", response.status(), response.headers())).into(),
/// };
/// client.group_exists("room", Some(options)).await?;
/// # Ok(()) }
/// ```
///
/// In a [`Context`] with other values, put it in by [`Context::with_value`]. It sees the last try of a request that
/// was retried, and each page of a list. The body of a token request holds the token.
#[derive(Clone)]
pub struct OnResponse(Arc<dyn Fn(&RawResponse) + Send + Sync>);

impl OnResponse {
    /// Calls `f` with each response.
    pub fn new(f: impl Fn(&RawResponse) + Send + Sync + 'static) -> Self {
        Self(Arc::new(f))
    }

    pub(crate) fn call(&self, response: &RawResponse) {
        (self.0)(response);
    }
}

impl fmt::Debug for OnResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnResponse")
    }
}

impl From<OnResponse> for ClientMethodOptions<'_> {
    fn from(on_response: OnResponse) -> Self {
        Self { context: Context::new().with_value(on_response) }
    }
}

impl From<OnResponse> for PagerOptions<'_> {
    fn from(on_response: OnResponse) -> Self {
        Self { context: Context::new().with_value(on_response), ..Default::default() }
    }
}
