//! The access key and the tokens signed with it.

use aws_lc_rs::hmac;
use azure_core::{
    Result, base64,
    credentials::Secret,
    error::{Error, ErrorKind},
    time::OffsetDateTime,
};
use serde::Serialize;
use std::{fmt, sync::Arc, time::Duration};

/// The header of every token, base64url encoded: `{"alg":"HS256","typ":"JWT"}`.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// The claims of a token. Lists that are empty and a user that is unknown are left out, as the other SDKs do.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Claims<'a> {
    #[serde(rename = "aud")]
    pub(crate) audience: &'a str,
    #[serde(rename = "sub", skip_serializing_if = "Option::is_none")]
    pub(crate) user_id: Option<&'a str>,
    #[serde(rename = "role", skip_serializing_if = "<[String]>::is_empty")]
    pub(crate) roles: &'a [String],
    #[serde(rename = "webpubsub.group", skip_serializing_if = "<[String]>::is_empty")]
    pub(crate) groups: &'a [String],
}

#[derive(Serialize)]
struct TimedClaims<'a> {
    iat: u64,
    exp: u64,
    #[serde(flatten)]
    claims: &'a Claims<'a>,
}

/// An access key of the service, ready to sign.
///
/// The service takes the UTF-8 bytes of the key's text as the HMAC key. The text looks like base64 but is never
/// decoded.
#[derive(Clone)]
pub(crate) struct AccessKey(Arc<hmac::Key>);

impl AccessKey {
    pub(crate) fn new(key: &Secret) -> Result<Self> {
        match key.secret() {
            "" => Err(Error::with_message(ErrorKind::Credential, "the access key is empty")),
            text => Ok(Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes())))),
        }
    }

    /// Signs a token that is valid from now on for `lifetime`.
    pub(crate) fn sign(&self, claims: &Claims<'_>, lifetime: Duration) -> Result<String> {
        self.sign_at(claims, unix_seconds()?, lifetime)
    }

    fn sign_at(&self, claims: &Claims<'_>, now_s: u64, lifetime: Duration) -> Result<String> {
        let claims = TimedClaims { iat: now_s, exp: now_s.saturating_add(lifetime.as_secs()), claims };
        let payload = base64::encode_url_safe(serde_json::to_vec(&claims)?);
        let mut token = format!("{HEADER}.{payload}");
        let signature = hmac::sign(&self.0, token.as_bytes());
        token.push('.');
        token.push_str(&base64::encode_url_safe(signature));
        Ok(token)
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey")
    }
}

/// The wall clock, read here and nowhere else: the service compares tokens with its own.
fn unix_seconds() -> Result<u64> {
    u64::try_from(OffsetDateTime::now_utc().unix_timestamp())
        .map_err(|_| Error::with_message(ErrorKind::Other, "the system clock shows a time before 1970"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn decode(token: &str) -> (Value, Value, Vec<u8>) {
        let parts: Vec<_> =
            token.split('.').map(|part| base64::decode_url_safe(part).expect("base64url")).collect();
        let [header, payload, signature] = parts.try_into().expect("three parts");
        let json = |bytes: &[u8]| serde_json::from_slice(bytes).expect("JSON");
        (json(&header), json(&payload), signature)
    }

    #[test]
    fn a_token_equals_the_one_of_another_library() {
        // Signed with jsonwebtoken 9 for JavaScript.
        let key = AccessKey::new(&Secret::new("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH")).unwrap();
        let claims = Claims { audience: "http://localhost:8080/client/hubs/chat", ..Default::default() };
        let token = key.sign_at(&claims, 1_700_000_000, Duration::from_secs(3600)).unwrap();
        assert_eq!(token, include_str!("../tests/wire/token.txt").trim_end());
    }

    #[test]
    fn an_empty_key_is_refused() {
        assert!(AccessKey::new(&Secret::new("")).is_err());
    }

    #[test]
    fn a_key_does_not_show_in_debug_output() {
        let key = AccessKey::new(&Secret::new("top-secret")).unwrap();
        assert_eq!(format!("{key:?}"), "AccessKey");
    }

    proptest! {
        #[test]
        fn claims_come_back_as_given_and_the_signature_holds(
            key in ".{1,80}",
            audience in ".*",
            user_id in proptest::option::of(".*"),
            roles in proptest::collection::vec(".*", 0..4),
            groups in proptest::collection::vec(".*", 0..4),
            now_s in 0..1_u64 << 40,
            lifetime_s in 0..1_u64 << 40,
        ) {
            let signer = AccessKey::new(&Secret::new(key.clone())).unwrap();
            let claims = Claims { audience: &audience, user_id: user_id.as_deref(), roles: &roles, groups: &groups };
            let token = signer.sign_at(&claims, now_s, Duration::from_secs(lifetime_s)).unwrap();
            let (header, payload, signature) = decode(&token);

            let mut expected = json!({ "aud": audience, "iat": now_s, "exp": now_s + lifetime_s });
            if let Some(user_id) = &user_id { expected["sub"] = json!(user_id); }
            if !roles.is_empty() { expected["role"] = json!(roles); }
            if !groups.is_empty() { expected["webpubsub.group"] = json!(groups); }
            prop_assert_eq!(header, json!({ "alg": "HS256", "typ": "JWT" }));
            prop_assert_eq!(payload, expected);

            let signed = token.rsplit_once('.').unwrap().0;
            let verifier = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
            prop_assert!(hmac::verify(&verifier, signed.as_bytes(), &signature).is_ok());
        }
    }
}
