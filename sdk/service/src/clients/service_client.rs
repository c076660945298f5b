//! The client of a hub.

use super::WebPubSubGroupClient;
use crate::{
    access_key::AccessKey,
    connection_string::ConnectionString,
    hub::{Credential, Hub},
    retry::retry_options,
};
use azure_core::{
    Result,
    credentials::{Secret, TokenCredential},
    fmt::SafeDebug,
    http::{ClientOptions, Url},
    tracing,
};
use std::{fmt, sync::Arc};

/// The version of the data plane that this client was made for.
const DEFAULT_API_VERSION: &str = "2024-12-01";

/// The namespace of the service in distributed traces.
const NAMESPACE: &str = "Microsoft.SignalRService";

/// Options of a [`WebPubSubServiceClient`].
///
/// ```
/// use webpubsub::WebPubSubServiceClientOptions;
///
/// let options = WebPubSubServiceClientOptions { allow_insecure_connection: true, ..Default::default() };
/// ```
#[derive(Clone, SafeDebug)]
pub struct WebPubSubServiceClientOptions {
    /// The version of the API; `2024-12-01` unless set.
    pub api_version: String,

    /// Where requests are sent instead of the endpoint, as to an API management in front of the service. Tokens keep
    /// the endpoint as their audience, and clients still connect to the endpoint.
    pub reverse_proxy_endpoint: Option<String>,

    /// Allows plain http, for a server on the same machine. Tokens and messages are then readable on the way. Without
    /// it, an `http` endpoint is an error. Token credentials never travel over http.
    pub allow_insecure_connection: bool,

    /// Retries, transport, policies, logging and tracing of requests.
    ///
    /// The retries of the default are [`retry_options()`](crate::retry_options), those of the other Web PubSub SDKs.
    pub client_options: ClientOptions,
}

impl Default for WebPubSubServiceClientOptions {
    fn default() -> Self {
        Self {
            api_version: DEFAULT_API_VERSION.to_owned(),
            reverse_proxy_endpoint: None,
            allow_insecure_connection: false,
            client_options: ClientOptions { retry: retry_options(), ..Default::default() },
        }
    }
}

/// Publishes to and manages the connections, groups and users of one hub.
///
/// It is cheap to clone, and clones share their connections to the service. To stop waiting for a call, drop its
/// future, as a time-out around it does.
///
/// Every call fails with [`ErrorKind::HttpResponse`](azure_core::error::ErrorKind::HttpResponse) when the service
/// refuses it, with `error_code` telling why, and before anything is sent when an argument cannot be valid.
#[tracing::client]
#[derive(Clone)]
pub struct WebPubSubServiceClient {
    pub(super) hub: Arc<Hub>,
    pub(super) credential: Credential,
}

impl WebPubSubServiceClient {
    /// Creates a client with a token credential, as those of `azure_identity`.
    ///
    /// # Arguments
    ///
    /// * `endpoint` - The endpoint of the service, as `https://name.webpubsub.azure.com`. It has to be https.
    /// * `credential` - Gives tokens for the scope `https://webpubsub.azure.com/.default`.
    /// * `hub` - The name of the hub.
    /// * `options` - Optional configuration of the client.
    pub fn new(
        endpoint: &str,
        credential: Arc<dyn TokenCredential>,
        hub: &str,
        options: Option<WebPubSubServiceClientOptions>,
    ) -> Result<Self> {
        Self::build(endpoint, Credential::Token(credential), hub, options)
    }

    /// Creates a client with an access key of the service.
    ///
    /// # Arguments
    ///
    /// * `endpoint` - The endpoint of the service, as `https://name.webpubsub.azure.com`.
    /// * `access_key` - The primary or the secondary key.
    /// * `hub` - The name of the hub.
    /// * `options` - Optional configuration of the client.
    pub fn with_access_key(
        endpoint: &str,
        access_key: impl Into<Secret>,
        hub: &str,
        options: Option<WebPubSubServiceClientOptions>,
    ) -> Result<Self> {
        Self::build(endpoint, Credential::Key(AccessKey::new(&access_key.into())?), hub, options)
    }

    /// Creates a client from a connection string: `Endpoint=https://…;AccessKey=…;Version=1.0;`.
    ///
    /// # Arguments
    ///
    /// * `connection_string` - The connection string; no error repeats it.
    /// * `hub` - The name of the hub.
    /// * `options` - Optional configuration of the client.
    pub fn from_connection_string(
        connection_string: &str,
        hub: &str,
        options: Option<WebPubSubServiceClientOptions>,
    ) -> Result<Self> {
        let ConnectionString { endpoint, access_key } = ConnectionString::parse(connection_string)?;
        Self::with_access_key(&endpoint, access_key, hub, options)
    }

    fn build(
        endpoint: &str,
        credential: Credential,
        hub: &str,
        options: Option<WebPubSubServiceClientOptions>,
    ) -> Result<Self> {
        let options = options.unwrap_or_default();
        let tracer = options.client_options.instrumentation.tracer_provider.as_ref().map(|provider| {
            let crate_name = option_env!("CARGO_PKG_NAME").unwrap_or("webpubsub");
            provider.get_tracer(Some(NAMESPACE), crate_name, option_env!("CARGO_PKG_VERSION"))
        });
        let hub = Arc::new(Hub::new(endpoint, &credential, hub, options)?);
        Ok(Self { hub, credential, tracer })
    }

    /// The endpoint of the service.
    pub fn endpoint(&self) -> &Url {
        self.hub.endpoint()
    }

    /// The name of the hub.
    pub fn hub_name(&self) -> &str {
        self.hub.name()
    }

    /// The version of the API that requests ask for.
    pub fn api_version(&self) -> &str {
        self.hub.api_version()
    }

    /// A client of a group in this hub. A group comes into being with its first member and needs no creation.
    ///
    /// # Arguments
    ///
    /// * `group` - The name of the group, 1 to 1024 characters. Calls fail when it is not valid.
    #[tracing::subclient]
    pub fn group(&self, group: &str) -> WebPubSubGroupClient {
        WebPubSubGroupClient { hub: self.hub.clone(), group: group.to_owned() }
    }
}

impl fmt::Debug for WebPubSubServiceClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebPubSubServiceClient")
            .field("endpoint", &self.hub.endpoint().as_str())
            .field("hub", &self.hub.name())
            .finish_non_exhaustive()
    }
}
