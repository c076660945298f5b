//! Signs requests with the access key.

use crate::access_key::{AccessKey, Claims};
use azure_core::http::{
    Context, Request,
    headers::AUTHORIZATION,
    policies::{Policy, PolicyResult},
};
use std::{sync::Arc, time::Duration};

/// How long the token of one request is valid. It is made anew for each try, so this has to cover only the way to
/// the service and clocks that differ.
const TOKEN_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Gives each try of a request a token of its own, whose audience is the URL of the request with its query.
#[derive(Debug)]
pub(crate) struct AccessKeyPolicy {
    key: AccessKey,
}

impl AccessKeyPolicy {
    pub(crate) fn new(key: AccessKey) -> Self {
        Self { key }
    }
}

#[async_trait::async_trait]
impl Policy for AccessKeyPolicy {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let claims = Claims { audience: request.url().as_str(), ..Default::default() };
        let token = self.key.sign(&claims, TOKEN_LIFETIME)?;
        request.insert_header(AUTHORIZATION, format!("Bearer {token}"));
        next[0].send(context, request, &next[1..]).await
    }
}
