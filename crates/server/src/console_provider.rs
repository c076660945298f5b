use std::fmt;
use std::sync::Arc;

use hubwire_console::{CALLBACK_PATH, CookieKeys, OpenId, Person, Provider, ProviderError, Told};
use hubwire_identity::{ClientSettings, Posted, SignIn, Ties};
use hubwire_upstream::OperatorClient;

use crate::{Endpoint, OpenIdConfig};

/// An issuer at which people sign in to the console.
pub(crate) struct ConsoleProvider(SignIn);

impl ConsoleProvider {
    /// How people sign in by these settings. The issuer is the one from before, with what is known of it, if nothing has changed there.
    pub(crate) fn openid(
        config: &OpenIdConfig,
        endpoint: &Endpoint,
        cookie_keys: CookieKeys,
        before: Option<Arc<Self>>,
    ) -> (OpenId, Arc<Self>) {
        let settings = ClientSettings {
            issuer: config.issuer.clone(),
            client_id: config.client_id.clone(),
            client_secret: config.client_secret.clone(),
            scopes: config.scopes.clone(),
            redirect_uri: format!("{endpoint}{CALLBACK_PATH}"),
        };
        let same = before.filter(|before| before.0.settings() == &settings);
        let provider = same.unwrap_or_else(|| Arc::new(Self::new(settings)));
        let openid = OpenId {
            name: config.name.clone(),
            issuer: config.issuer.clone(),
            provider: provider.clone(),
            operators: config.operators.clone(),
            viewers: config.viewers.clone(),
            cookie_keys,
        };
        (openid, provider)
    }

    fn new(settings: ClientSettings) -> Self {
        let fetch = |url: &str| -> hubwire_identity::Fetched {
            let url = url.to_owned();
            Box::pin(async move { hubwire_upstream::fetch(&url).await })
        };
        // A client of its own for each: connections belong to the runtime of one worker.
        let post = |request| -> Posted {
            Box::pin(async move { OperatorClient::default().exchange(request).await })
        };
        Self(SignIn::new(settings, Arc::new(fetch), Arc::new(post)))
    }
}

impl Provider for ConsoleProvider {
    fn place<'a>(
        &'a self,
        state: &'a str,
        nonce: &'a str,
        challenge: &'a str,
        now_s: u64,
    ) -> Told<'a, String> {
        let ties = Ties { state, nonce, challenge };
        Box::pin(async move { self.0.place(ties, now_s).await.map_err(|error| words(&error)) })
    }

    fn redeem<'a>(
        &'a self,
        code: &'a str,
        nonce: &'a str,
        verifier: &'a str,
        now_s: u64,
    ) -> Told<'a, Person> {
        Box::pin(async move {
            let person = self.0.redeem(code, nonce, verifier, now_s).await.map_err(|error| words(&error))?;
            Ok(Person { name: person.name, values: person.values })
        })
    }
}

fn words(error: &hubwire_identity::Error) -> ProviderError {
    ProviderError(error.to_string())
}

impl fmt::Debug for ConsoleProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConsoleProvider").field(self.0.settings()).finish()
    }
}
