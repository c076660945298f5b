//! The hub that a client works on: where it is and how requests get there.

use crate::{
    WebPubSubServiceClientOptions,
    access_key::AccessKey,
    operation::Operation,
    path,
    policies::{AccessKeyPolicy, ReverseProxyPolicy},
};
use azure_core::{
    Result,
    credentials::TokenCredential,
    error::{Error, ErrorKind},
    http::{
        Method, Pipeline, Url,
        policies::{Policy, auth::BearerTokenAuthorizationPolicy},
    },
};
use std::sync::Arc;

/// The scope of Microsoft Entra tokens for the data plane.
const SCOPE: &str = "https://webpubsub.azure.com/.default";

/// How a client proves who it is.
#[derive(Clone)]
pub(crate) enum Credential {
    Key(AccessKey),
    Token(Arc<dyn TokenCredential>),
}

/// One hub of one service, shared by the service client and its group clients.
#[derive(Debug)]
pub(crate) struct Hub {
    endpoint: Url,
    name: String,
    api_version: String,
    pipeline: Pipeline,
}

impl Hub {
    pub(crate) fn new(
        endpoint: &str,
        credential: &Credential,
        name: &str,
        options: WebPubSubServiceClientOptions,
    ) -> Result<Self> {
        path::check_hub(name)?;
        let endpoint = parse_endpoint(endpoint, "endpoint")?;
        let proxy = options
            .reverse_proxy_endpoint
            .as_deref()
            .map(|proxy| parse_endpoint(proxy, "reverse proxy endpoint"));
        let proxy = proxy.transpose()?;
        for url in [Some(&endpoint), proxy.as_ref()].into_iter().flatten() {
            check_transport(url, credential, options.allow_insecure_connection)?;
        }

        let mut per_try: Vec<Arc<dyn Policy>> = vec![match credential {
            Credential::Key(key) => Arc::new(AccessKeyPolicy::new(key.clone())),
            Credential::Token(credential) => {
                Arc::new(BearerTokenAuthorizationPolicy::new(credential.clone(), [SCOPE]))
            }
        }];
        // Behind the credential's policy, so that tokens keep the endpoint as their audience.
        per_try.extend(proxy.map(|proxy| Arc::new(ReverseProxyPolicy::new(proxy)) as Arc<dyn Policy>));
        let pipeline = Pipeline::new(
            option_env!("CARGO_PKG_NAME"),
            option_env!("CARGO_PKG_VERSION"),
            options.client_options,
            Vec::new(),
            per_try,
            None,
        );
        Ok(Self { endpoint, name: name.to_owned(), api_version: options.api_version, pipeline })
    }

    pub(crate) fn endpoint(&self) -> &Url {
        &self.endpoint
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn api_version(&self) -> &str {
        &self.api_version
    }

    pub(crate) fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// An operation on something in the hub. The path is relative to the hub and its parts are encoded.
    pub(crate) fn operation(&self, method: Method, path: &str) -> Operation<'_> {
        self.service_operation(method, &format!("api/hubs/{}/{path}", path::encode(&self.name)))
    }

    /// An operation on the service itself.
    pub(crate) fn service_operation(&self, method: Method, path: &str) -> Operation<'_> {
        let url = format!("{}?api-version={}", self.url(path), path::encode(&self.api_version));
        Operation::new(self, method, url)
    }

    /// The URL of a path below the endpoint.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.endpoint.as_str().trim_end_matches('/'))
    }

    /// The link to a next page, on the endpoint whatever host the link names. So a token never goes to another
    /// host, and paging works where the service knows itself by another name.
    pub(crate) fn follow(&self, link: &Url) -> Url {
        let mut url = self.endpoint.clone();
        url.set_path(link.path());
        url.set_query(link.query());
        url
    }
}

/// No error repeats the text: it may be a connection string at the wrong place.
fn parse_endpoint(text: &str, what: &str) -> Result<Url> {
    let refused = |reason| Error::with_message(ErrorKind::Other, format!("the {what} {reason}"));
    let url = Url::parse(text).map_err(|_| refused("is not a URL like https://name.webpubsub.azure.com"))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(refused("is neither an https nor an http URL"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("has a user name or password, which the service does not know"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("has a query or a fragment"));
    }
    Ok(url)
}

/// Plain http shows tokens and messages to everyone on the way, so it has to be asked for; and credentials that
/// open more than this service never travel by it.
fn check_transport(url: &Url, credential: &Credential, allow_insecure: bool) -> Result<()> {
    if url.scheme() == "https" {
        return Ok(());
    }
    if matches!(credential, Credential::Token(_)) {
        return Err(Error::with_message(
            ErrorKind::Credential,
            format!(
                "{url} is plain http: a token credential needs https; an access key can be used over http"
            ),
        ));
    }
    if !allow_insecure {
        return Err(Error::with_message(
            ErrorKind::Other,
            format!(
                "{url} is plain http: set WebPubSubServiceClientOptions::allow_insecure_connection to say that \
                 this is meant"
            ),
        ));
    }
    tracing::warn!(%url, "plain http: tokens and messages are readable on the way");
    Ok(())
}
