//! An issuer whose keys change, that is away, or that is somebody else; and what its tokens open.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hubwire_auth::Grade;
use hubwire_identity::{Error, Fetched, Issuer, Settings};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

const ISSUER: &str = "https://login.example.com/tenant/v2.0";
const NOW_S: u64 = 1_764_000_000;

/// A key of an issuer: to sign with, and as the issuer publishes it.
struct Key {
    id: &'static str,
    signing: EncodingKey,
    published: Value,
}

fn key(id: &'static str) -> Key {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
    let point = &pair.public_key().as_ref()[1..];
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let published = json!({
        "kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "x": part(&point[..32]), "y": part(&point[32..]),
    });
    Key { id, signing: EncodingKey::from_ec_der(pkcs8.as_ref()), published }
}

impl Key {
    fn sign(&self, changes: Value) -> String {
        let mut claims = json!({
            "iss": ISSUER, "aud": "https://webpubsub.azure.com", "exp": NOW_S + 3600, "oid": "app-1",
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let header = Header { kid: Some(self.id.to_owned()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, &claims, &self.signing).unwrap()
    }
}

/// An issuer's site: what it publishes, and how often it was asked for its keys.
#[derive(Clone, Default)]
struct Site {
    /// Nothing while it is away.
    keys: Arc<Mutex<Option<Vec<Value>>>>,
    named: Arc<Mutex<Option<&'static str>>>,
    asked: Arc<AtomicUsize>,
}

impl Site {
    fn publish(&self, keys: &[&Key]) {
        *self.keys.lock().unwrap() = Some(keys.iter().map(|key| key.published.clone()).collect());
    }

    fn issuer(&self) -> Issuer {
        let site = self.clone();
        let fetch = move |url: &str| -> Fetched {
            let answer = site.answer(url);
            Box::pin(std::future::ready(answer))
        };
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let settings = Settings {
            table: "entra",
            audience_setting: "audience",
            issuer: ISSUER.to_owned(),
            audience: Settings::AUDIENCE.to_owned(),
            owners: list(&["app-1", "Owners"]),
            readers: list(&["app-2"]),
        };
        Issuer::new(settings, Arc::new(fetch))
    }

    fn answer(&self, url: &str) -> Result<bytes::Bytes, String> {
        let Some(keys) = self.keys.lock().unwrap().clone() else {
            return Err("it is away".to_owned());
        };
        let issuer = self.named.lock().unwrap().unwrap_or(ISSUER);
        let document = match url {
            "https://login.example.com/tenant/v2.0/.well-known/openid-configuration" => {
                json!({"issuer": issuer, "jwks_uri": "https://login.example.com/keys"})
            }
            "https://login.example.com/keys" => {
                self.asked.fetch_add(1, Ordering::Relaxed);
                json!({"keys": keys})
            }
            _ => return Err(format!("nobody asks for {url}")),
        };
        Ok(document.to_string().into())
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn a_caller_may_do_what_its_roles_groups_and_ids_are_listed_for() {
    let (site, key) = (Site::default(), key("a"));
    site.publish(&[&key]);
    let issuer = site.issuer();
    for (claims, grade) in [
        (json!({}), Grade::Owner),
        (json!({"oid": "x", "roles": ["Other", "Owners"]}), Grade::Owner),
        (json!({"oid": "x", "azp": "app-2"}), Grade::Reader),
        (json!({"oid": "app-2", "sub": "app-1"}), Grade::Owner),
        (json!({"oid": "x", "name": "app-1"}), Grade::Nobody),
    ] {
        assert_eq!(issuer.identify(&key.sign(claims.clone()), NOW_S).await, Ok(grade), "{claims}");
    }
    assert_eq!(site.asked(), 1, "its keys are known after the first call");
}

#[tokio::test]
async fn a_token_of_another_issuer_audience_time_or_key_opens_nothing() {
    let (site, known, other) = (Site::default(), key("a"), key("a"));
    site.publish(&[&known]);
    let issuer = site.issuer();
    let refused = |claims: Value| {
        let (issuer, token) = (&issuer, known.sign(claims));
        async move { issuer.identify(&token, NOW_S).await.unwrap_err() }
    };
    assert!(matches!(refused(json!({"iss": "https://login.example.com/other"})).await, Error::Issuer { .. }));
    assert!(matches!(refused(json!({"iss": null})).await, Error::Issuer { .. }));
    assert!(matches!(refused(json!({"aud": "https://elsewhere"})).await, Error::Audience { .. }));
    assert!(matches!(refused(json!({"exp": NOW_S - 301})).await, Error::Token(_)));
    assert!(matches!(refused(json!({"exp": null})).await, Error::Token(_)));
    assert!(matches!(refused(json!({"nbf": NOW_S + 301})).await, Error::Token(_)));
    // Signed by somebody who calls a key of his own by the name of the issuer's.
    assert!(matches!(issuer.identify(&other.sign(json!({})), NOW_S).await, Err(Error::Token(_))));
    let good = known.sign(json!({}));
    let (head, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let shared = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","kid":"a"}"#);
    for token in [
        format!("{none}.{payload}."),
        format!("{shared}.{payload}.{signature}"),
        format!("{head}.{payload}"),
        format!("{head}.{payload}."),
        format!("{head}.{payload}.{}", signature.to_uppercase()),
        String::new(),
        "a.b.c".to_owned(),
    ] {
        assert!(issuer.identify(&token, NOW_S).await.is_err(), "{token}");
    }
    assert_eq!(issuer.identify(&good, NOW_S).await, Ok(Grade::Owner));
}

#[tokio::test]
async fn a_new_key_is_found_and_an_old_one_is_forgotten() {
    let (site, old, new) = (Site::default(), key("old"), key("new"));
    site.publish(&[&old]);
    let issuer = site.issuer();
    assert_eq!(issuer.identify(&old.sign(json!({})), NOW_S).await, Ok(Grade::Owner));
    site.publish(&[&new]);
    // So soon the issuer is not asked again: made-up keys must not have it flooded.
    let soon_s = NOW_S + 29;
    assert!(issuer.identify(&new.sign(json!({})), soon_s).await.is_err());
    assert_eq!(site.asked(), 1);
    let later_s = NOW_S + 30;
    assert_eq!(issuer.identify(&new.sign(json!({})), later_s).await, Ok(Grade::Owner));
    assert!(issuer.identify(&old.sign(json!({})), later_s).await.is_err());
    assert_eq!(site.asked(), 2);
    // Within an hour a withdrawn key is missed even if nobody shows an unknown one.
    site.publish(&[&old]);
    assert_eq!(issuer.identify(&new.sign(json!({})), later_s + 3599).await, Ok(Grade::Owner));
    assert!(issuer.identify(&new.sign(json!({"exp": NOW_S + 9000})), later_s + 3600).await.is_err());
}

#[tokio::test]
async fn an_issuer_that_is_away_is_told_and_does_not_take_known_keys_with_it() {
    let (site, key) = (Site::default(), key("a"));
    let issuer = site.issuer();
    let token = key.sign(json!({"exp": NOW_S + 90_000}));
    let away = issuer.identify(&token, NOW_S).await.unwrap_err();
    assert!(matches!(away, Error::Unavailable(_)), "{away}");
    site.publish(&[&key]);
    assert!(
        matches!(issuer.identify(&token, NOW_S + 1).await, Err(Error::Unavailable(_))),
        "it is not asked so soon"
    );
    assert_eq!(issuer.identify(&token, NOW_S + 30).await, Ok(Grade::Owner));
    *site.keys.lock().unwrap() = None;
    assert_eq!(issuer.identify(&token, NOW_S + 30 + 7200).await, Ok(Grade::Owner));
}

#[tokio::test]
async fn a_discovery_document_of_somebody_else_is_not_believed() {
    let (site, key) = (Site::default(), key("a"));
    site.publish(&[&key]);
    *site.named.lock().unwrap() = Some("https://login.example.com/other");
    let error = site.issuer().identify(&key.sign(json!({})), NOW_S).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the keys of the issuer cannot be had: its discovery document names the issuer `https://login.example.com/other`"
    );
}
