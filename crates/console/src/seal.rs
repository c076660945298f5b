//! What browsers keep for the console, sealed: who has not got the key can neither read it, nor change it, nor make it up.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::settings::Clock;

/// Sets these keys apart from whatever else follows from the same secret, and this form of a cookie from later ones.
const LABEL: &[u8] = b"hubwire console cookie 1";
/// Random bytes that each cookie's own key is made with. As many as that no two are ever the same, so a key seals one cookie, and its nonce may be constant.
const SALT_BYTES: usize = 32;
/// When the cookie ends, in front of what it says, in milliseconds since 1970.
const UNTIL_BYTES: usize = 8;
/// The longest value of a cookie, in characters: browsers take 4,096 with name and attributes. A longer one is neither made nor looked at.
pub(crate) const COOKIE_CHARACTERS_MAX: usize = 3_800;

/// The keys that the console's cookies are sealed with: by the newest, and opened by each, so that keys can change while people are signed in.
#[derive(Clone, PartialEq, Eq)]
pub struct CookieKeys {
    newest: [u8; 32],
    older: Option<[u8; 32]>,
}

impl CookieKeys {
    /// Takes keys of 32 bytes that nobody can guess. All nodes of a cluster have the same, or a cookie is good at one of them only.
    pub fn new(newest: [u8; 32], older: Option<[u8; 32]>) -> Self {
        Self { newest, older }
    }
}

impl fmt::Debug for CookieKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieKeys(redacted)")
    }
}

/// What a cookie is for. One that is for something else does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Somebody who had a console token.
    TokenSession,
    /// Somebody who signed in elsewhere.
    PersonSession,
    /// Somebody on the way to an issuer.
    SignIn,
    /// Why somebody could not sign in.
    Refusal,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::TokenSession => b"token session",
            Self::PersonSession => b"person session",
            Self::SignIn => b"sign-in",
            Self::Refusal => b"refusal",
        }
    }
}

/// Seals cookies of one purpose. They open only where the keys are the same, and `bound_to` as well: what gives them their right, such as a token.
pub(crate) struct Seal<'a> {
    pub(crate) keys: &'a CookieKeys,
    pub(crate) purpose: Purpose,
    pub(crate) bound_to: &'a str,
}

impl Seal<'_> {
    /// The value of a cookie that says this until then.
    pub(crate) fn close(
        &self,
        contents: &impl Serialize,
        until_ms: u64,
        clock: &dyn Clock,
    ) -> Result<String, Error> {
        let contents =
            serde_json::to_vec(contents).map_err(|_| Error::Internal("a cookie could not be written"))?;
        let salt = [clock.random().to_be_bytes(), clock.random().to_be_bytes()].concat();
        let mut sealed = [&until_ms.to_be_bytes()[..], &contents].concat();
        let key = self.key(&self.keys.newest, &salt);
        key.and_then(|key| key.seal_in_place_append_tag(nonce(), Aad::empty(), &mut sealed))
            .map_err(|Unspecified| Error::Internal("a cookie could not be sealed"))?;
        let text = URL_SAFE_NO_PAD.encode([salt, sealed].concat());
        if text.len() > COOKIE_CHARACTERS_MAX {
            return Err(Error::Internal("a cookie would be longer than browsers take"));
        }
        Ok(text)
    }

    /// What a cookie says, and until when, if it is one of these and not over.
    pub(crate) fn open<T: DeserializeOwned>(&self, text: &str, now_ms: u64) -> Option<(T, u64)> {
        if text.len() > COOKIE_CHARACTERS_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (salt, sealed) = bytes.split_at_checked(SALT_BYTES)?;
        let keys = std::iter::once(&self.keys.newest).chain(&self.keys.older);
        let opened = keys.filter_map(|key| self.unseal(key, salt, sealed)).next()?;
        let (until_ms, contents) = opened.split_at_checked(UNTIL_BYTES)?;
        let until_ms = u64::from_be_bytes(until_ms.try_into().ok()?);
        let contents = serde_json::from_slice(contents).ok()?;
        (until_ms > now_ms).then_some((contents, until_ms))
    }

    fn unseal(&self, key: &[u8; 32], salt: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (key, mut sealed) = (self.key(key, salt).ok()?, sealed.to_vec());
        let length = key.open_in_place(nonce(), Aad::empty(), &mut sealed).ok()?.len();
        sealed.truncate(length);
        Some(sealed)
    }

    /// The key of one cookie (RFC 5869). The first part of its material has a fixed length, so no two seals share it.
    fn key(&self, key: &[u8; 32], salt: &[u8]) -> Result<LessSafeKey, Unspecified> {
        let material = [&key[..], self.bound_to.as_bytes()].concat();
        let extracted = Salt::new(HKDF_SHA256, salt).extract(&material);
        let info = [LABEL, self.purpose.label()];
        Ok(LessSafeKey::new(UnboundKey::from(extracted.expand(&info, &AES_256_GCM)?)))
    }
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// A clock that stands still, and whose bits are never the same.
    #[derive(Default)]
    pub(crate) struct StandingClock(AtomicU64);

    impl Clock for StandingClock {
        fn unix_ms(&self) -> u64 {
            NOW_MS
        }

        fn monotonic_us(&self) -> u64 {
            0
        }

        fn random(&self) -> u128 {
            u128::from(self.0.fetch_add(1, Ordering::Relaxed)) << 64
        }

        fn memory_bytes(&self) -> Option<u64> {
            None
        }
    }

    pub(crate) const NOW_MS: u64 = 1_764_000_000_000;
    const UNTIL_MS: u64 = NOW_MS + 1_000;

    fn seal(keys: &CookieKeys) -> Seal<'_> {
        Seal { keys, purpose: Purpose::PersonSession, bound_to: "https://login.example.com" }
    }

    fn keys() -> CookieKeys {
        CookieKeys::new([1; 32], None)
    }

    fn opened(seal: &Seal<'_>, text: &str) -> Option<(String, u64)> {
        seal.open(text, NOW_MS)
    }

    fn sealed(seal: &Seal<'_>, contents: &str) -> String {
        seal.close(&contents, UNTIL_MS, &StandingClock::default()).unwrap()
    }

    #[test]
    fn a_cookie_says_what_was_put_into_it() {
        let keys = keys();
        let text = sealed(&seal(&keys), "ada");
        assert_eq!(opened(&seal(&keys), &text), Some(("ada".to_owned(), UNTIL_MS)));
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{text}");
    }

    #[test]
    fn what_a_cookie_says_cannot_be_read() {
        let keys = keys();
        let bytes = URL_SAFE_NO_PAD.decode(sealed(&seal(&keys), "ada lovelace")).unwrap();
        assert!(!bytes.windows(4).any(|window| window == b"love"));
    }

    #[test]
    fn no_two_cookies_are_the_same() {
        let (keys, clock) = (keys(), StandingClock::default());
        let one = seal(&keys).close(&"ada", UNTIL_MS, &clock).unwrap();
        assert_ne!(one, seal(&keys).close(&"ada", UNTIL_MS, &clock).unwrap());
    }

    #[test]
    fn a_cookie_that_was_cut_off_does_not_open() {
        let keys = keys();
        let text = sealed(&seal(&keys), "ada");
        assert!(opened(&seal(&keys), &text).is_some());
        for length in 0..text.len() {
            assert_eq!(opened(&seal(&keys), &text[..length]), None, "{length}");
        }
    }

    #[test]
    fn a_cookie_of_which_any_bit_was_changed_does_not_open() {
        let keys = keys();
        let bytes = URL_SAFE_NO_PAD.decode(sealed(&seal(&keys), "ada")).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opened(&seal(&keys), &URL_SAFE_NO_PAD.encode(changed)), None, "{bit}");
        }
    }

    #[test]
    fn a_cookie_that_is_over_does_not_open() {
        let keys = keys();
        let text = sealed(&seal(&keys), "ada");
        assert!(seal(&keys).open::<String>(&text, UNTIL_MS - 1).is_some());
        assert!(seal(&keys).open::<String>(&text, UNTIL_MS).is_none());
    }

    #[test]
    fn a_cookie_for_something_else_does_not_open() {
        let keys = keys();
        let text = sealed(&seal(&keys), "ada");
        for purpose in [Purpose::TokenSession, Purpose::SignIn, Purpose::Refusal] {
            assert_eq!(opened(&Seal { purpose, ..seal(&keys) }, &text), None, "{purpose:?}");
        }
        assert_eq!(opened(&Seal { bound_to: "https://other.example.com", ..seal(&keys) }, &text), None);
    }

    #[test]
    fn a_cookie_opens_as_long_as_its_key_is_one_of_two() {
        let before = keys();
        let text = sealed(&seal(&before), "ada");
        let rotated = CookieKeys::new([2; 32], Some([1; 32]));
        assert!(opened(&seal(&rotated), &text).is_some());
        let newer = sealed(&seal(&rotated), "ada");
        assert_eq!(opened(&seal(&before), &newer), None, "the newest key seals");
        let removed = CookieKeys::new([2; 32], None);
        assert_eq!(opened(&seal(&removed), &text), None);
        assert!(opened(&seal(&removed), &newer).is_some());
    }

    #[test]
    fn a_cookie_that_browsers_would_not_take_is_not_made_and_not_looked_at() {
        let keys = keys();
        let long = "x".repeat(COOKIE_CHARACTERS_MAX);
        assert!(seal(&keys).close(&long, UNTIL_MS, &StandingClock::default()).is_err());
        // Nobody makes one that is too long and good, so a test has to.
        let (key, salt) = (seal(&keys).key(&[1; 32], &[7; SALT_BYTES]).unwrap(), [7; SALT_BYTES]);
        let mut bytes = [&UNTIL_MS.to_be_bytes()[..], format!("{long:?}").as_bytes()].concat();
        key.seal_in_place_append_tag(nonce(), Aad::empty(), &mut bytes).unwrap();
        let text = URL_SAFE_NO_PAD.encode([&salt[..], &bytes].concat());
        assert_eq!(opened(&seal(&keys), &text), None);
    }

    #[test]
    fn keys_are_not_printed() {
        assert_eq!(format!("{:?}", CookieKeys::new([65; 32], None)), "CookieKeys(redacted)");
    }
}
