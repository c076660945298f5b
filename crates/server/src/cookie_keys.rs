use hubwire_auth::AccessKey;
use hubwire_console::CookieKeys;

use crate::Config;
use crate::derived_key::derived_key;

/// What the console's cookies are sealed with: by one process a key of its own, by the nodes of a cluster what all of them have.
pub(crate) struct ConsoleKeys {
    /// For those who have a console token: it is sealed with that as well.
    pub(crate) of_tokens: CookieKeys,
    /// For people who sign in at an issuer.
    pub(crate) of_people: CookieKeys,
}

impl ConsoleKeys {
    /// The keys by these settings. `own` is a random key of this process.
    pub(crate) fn new(config: &Config, own: [u8; 32]) -> Self {
        let own = CookieKeys::new(own, None);
        let Some(cluster) = &config.cluster else {
            return Self { of_tokens: own.clone(), of_people: own };
        };
        let (newest, older) = match &cluster.secret {
            Some(secret) => (secret.expose(), None),
            None => (config.keys.primary.expose(), config.keys.secondary.as_ref().map(AccessKey::expose)),
        };
        let derived = |purpose: &[u8]| {
            let key = |secret: &str| derived_key(secret.as_bytes(), purpose);
            (key(newest), older.map(key))
        };
        let (newest, older) = derived(b"hubwire console cookies of tokens");
        let of_tokens = CookieKeys::new(newest, older);
        let openid = config.console.openid.as_ref();
        let of_people = match (openid.and_then(|openid| openid.client_secret.as_deref()), &cluster.secret) {
            (None, None) => own,
            (client_secret, _) => {
                let (newest, older) = derived(b"hubwire console cookies of people");
                let key = |key: [u8; 32]| derived_key(&key, client_secret.unwrap_or_default().as_bytes());
                CookieKeys::new(key(newest), older.map(key))
            }
        };
        Self { of_tokens, of_people }
    }
}

/// Says so where people who sign in are known to one node only: applications have the access keys, and must not make people up with them.
pub(crate) fn warn_of_lone_sign_ins(config: &Config) {
    let openid = config.console.openid.as_ref();
    let (Some(cluster), Some(openid)) = (&config.cluster, openid) else {
        return;
    };
    if cluster.secret.is_none() && openid.client_secret.is_none() {
        tracing::warn!(
            "people who sign in to the console are known to one node only: set cluster.secret, or console.openid.client_secret, to the same at all nodes"
        );
    }
}
