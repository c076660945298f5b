//! `ce-signature`: `sha256=` and the HMAC-SHA256 of the connection's id in hexadecimal digits, for each key of the service, separated by
//! commas.

use crate::AccessKey;

/// Signatures of one request that are looked at. A service has two keys; further signatures are ignored, so that no request costs more than
/// a few HMACs for each key.
const SIGNATURES_MAX: usize = 8;
/// Bytes of an HMAC-SHA256.
const TAG_BYTES: usize = 32;

/// Whether one of the signatures in the header's lines is by one of the keys.
pub(crate) fn is_signed<'a>(
    lines: impl Iterator<Item = &'a str>,
    connection_id: &str,
    keys: &[AccessKey],
) -> bool {
    lines
        .flat_map(|line| line.split(','))
        .filter_map(|signature| tag(signature.trim()))
        .take(SIGNATURES_MAX)
        .any(|tag| keys.iter().any(|key| key.signed(connection_id.as_bytes(), &tag)))
}

/// The bytes behind `sha256=`, in digits of either case.
fn tag(signature: &str) -> Option<[u8; TAG_BYTES]> {
    let (name, digits) = signature.split_once('=')?;
    if !name.eq_ignore_ascii_case("sha256") || digits.len() != 2 * TAG_BYTES {
        return None;
    }
    let mut tag = [0; TAG_BYTES];
    for (byte, pair) in tag.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = (digit(pair[0])? << 4) | digit(pair[1])?;
    }
    Some(tag)
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Computed with `printf 0f1e | openssl dgst -sha256 -hmac key` and `-hmac other`.
    const KEY: &str = "sha256=84115d2f9c7dccac1506f007b22b29d55c99bf9ba447ebc8ce4f831b1d4c230d";
    const OTHER: &str = "sha256=2f101f212bc699dbc1f7d39fc674a9f61407fa5f2935ba97679bac56afa297dd";

    fn signed(line: &str, connection_id: &str, key: &str) -> bool {
        is_signed([line].into_iter(), connection_id, &[AccessKey::new(key).unwrap()])
    }

    #[test]
    fn a_signature_by_either_key_counts() {
        assert!(signed(KEY, "0f1e", "key"));
        assert!(signed(&format!("{OTHER},{KEY}"), "0f1e", "key"));
        assert!(signed(&format!("{KEY}, {}", OTHER.to_uppercase()), "0f1e", "other"));
    }

    #[test]
    fn a_signature_of_another_connection_or_by_another_key_does_not_count() {
        assert!(!signed(KEY, "0f1f", "key"));
        assert!(!signed(KEY, "0f1e", "other"));
        assert!(!is_signed([KEY].into_iter(), "0f1e", &[]));
        for damaged in ["", "sha256=", "sha1=00", &KEY[..70], &format!("{KEY}00"), &KEY[7..], "sha256=é"] {
            assert!(!signed(damaged, "0f1e", "key"), "{damaged}");
        }
    }

    #[test]
    fn signatures_beyond_the_bound_are_not_looked_at() {
        let many = [OTHER; SIGNATURES_MAX].join(",");
        assert!(!signed(&format!("{many},{KEY}"), "0f1e", "key"));
    }
}
