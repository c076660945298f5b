use std::fmt;
use std::sync::Arc;

use hubwire_identity::{Error, Issuer, Settings};
use hubwire_rest::{Identified, Identity, IdentityError};

/// An issuer that the data plane asks who calls.
pub(crate) struct Callers(Issuer);

impl Callers {
    pub(crate) fn new(settings: Settings) -> Arc<Self> {
        let fetch = |url: &str| -> hubwire_identity::Fetched {
            let url = url.to_owned();
            Box::pin(async move { hubwire_upstream::fetch(&url).await })
        };
        Arc::new(Self(Issuer::new(settings, Arc::new(fetch))))
    }

    /// Whether it goes by these settings. Then it stays when others change, with the keys that it knows.
    pub(crate) fn goes_by(&self, settings: &Settings) -> bool {
        self.0.settings() == settings
    }
}

impl Identity for Callers {
    fn identify<'a>(&'a self, token: &'a str, now_s: u64) -> Identified<'a> {
        Box::pin(async move {
            self.0.identify(token, now_s).await.map_err(|error| match error {
                Error::Unavailable(_) => IdentityError::Unavailable(error.to_string()),
                _ => IdentityError::Refused(error.to_string()),
            })
        })
    }
}

impl fmt::Debug for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Callers").field(self.0.settings()).finish()
    }
}
