//! Sends requests to a reverse proxy instead of the endpoint.

use azure_core::http::{
    Context, Request, Url,
    policies::{Policy, PolicyResult},
};
use std::sync::Arc;

/// Puts scheme, host and port of the proxy in place of those of the endpoint, and its path in front.
///
/// It comes after the policy that signs, so the audience of tokens stays the endpoint.
#[derive(Debug)]
pub(crate) struct ReverseProxyPolicy {
    proxy: Url,
}

impl ReverseProxyPolicy {
    pub(crate) fn new(proxy: Url) -> Self {
        Self { proxy }
    }

    fn rewrite(&self, url: &Url) -> Url {
        let mut rewritten = self.proxy.clone();
        rewritten.set_path(&format!("{}{}", self.proxy.path().trim_end_matches('/'), url.path()));
        rewritten.set_query(url.query());
        rewritten
    }
}

#[async_trait::async_trait]
impl Policy for ReverseProxyPolicy {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let rewritten = self.rewrite(request.url());
        let original = std::mem::replace(request.url_mut(), rewritten);
        let result = next[0].send(context, request, &next[1..]).await;
        // A next try signs the URL again, which has to be the one of the endpoint.
        *request.url_mut() = original;
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_place_of_a_request_changes() {
        let url =
            Url::parse("https://hub.example/api/hubs/h/groups/a%2Fb/:send?api-version=1&filter=%27").unwrap();
        for (proxy, rewritten) in [
            ("http://proxy:81", "http://proxy:81/api/hubs/h/groups/a%2Fb/:send?api-version=1&filter=%27"),
            ("https://p/rt/", "https://p/rt/api/hubs/h/groups/a%2Fb/:send?api-version=1&filter=%27"),
        ] {
            let policy = ReverseProxyPolicy::new(Url::parse(proxy).unwrap());
            assert_eq!(policy.rewrite(&url).as_str(), rewritten);
        }
    }
}
