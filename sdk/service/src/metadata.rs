//! Metadata of messages, carried in request headers.

use crate::path::invalid;
use azure_core::{
    Result,
    http::headers::{HeaderName, Headers},
};
use std::collections::BTreeMap;

const HEADER_PREFIX: &str = "x-webpubsub-metadata-";
const KEY_LENGTH_MAX: usize = 256;
const VALUE_LENGTH_MAX: usize = 1024;
/// Of all keys and values together.
const LENGTH_MAX: usize = 8192;

/// Refuses what the service would refuse, and what it would change without a word: of a value with commas it keeps
/// only the part behind the last one, and it trims blanks.
pub(crate) fn check(metadata: &BTreeMap<String, String>) -> Result<()> {
    for (key, value) in metadata {
        if key.is_empty() || !key.bytes().all(is_token) {
            return Err(invalid(format!("the metadata key {key:?} is not an HTTP token")));
        }
        if key.len() > KEY_LENGTH_MAX {
            return Err(invalid(format!("a metadata key is longer than {KEY_LENGTH_MAX} bytes")));
        }
        if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(invalid(format!("the metadata value of {key:?} is not printable ASCII")));
        }
        if value.contains(',') || value.trim() != value {
            return Err(invalid(format!("the metadata value of {key:?} has a comma or outer blanks")));
        }
        if value.len() > VALUE_LENGTH_MAX {
            return Err(invalid(format!(
                "the metadata value of {key:?} is longer than {VALUE_LENGTH_MAX} bytes"
            )));
        }
    }
    if metadata.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() > LENGTH_MAX {
        return Err(invalid(format!("the metadata is longer than {LENGTH_MAX} bytes")));
    }
    check_unique(metadata)
}

/// The service compares keys without regard to case, so one of two such keys would be lost.
fn check_unique(metadata: &BTreeMap<String, String>) -> Result<()> {
    let mut keys: Vec<_> = metadata.keys().map(|key| key.to_ascii_lowercase()).collect();
    keys.sort_unstable();
    match keys.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(invalid(format!("the metadata key {:?} is given in two spellings", pair[0]))),
        None => Ok(()),
    }
}

pub(crate) fn insert(metadata: &BTreeMap<String, String>, headers: &mut Headers) {
    for (key, value) in metadata {
        let name = format!("{HEADER_PREFIX}{}", key.to_ascii_lowercase());
        headers.insert(HeaderName::from(name), value.clone());
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(entries: &[(&str, &str)]) -> bool {
        check(&entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()).is_ok()
    }

    #[test]
    fn metadata_within_the_limits_passes() {
        assert!(checked(&[]));
        assert!(checked(&[("trace-id", "abc"), ("!#$%&'*+-.^_`|~09Az", "a b"), ("empty", "")]));
        assert!(checked(&[(&"k".repeat(256), &"v".repeat(1024))]));
    }

    #[test]
    fn metadata_that_would_be_refused_or_changed_is_an_error() {
        for (key, value) in [
            ("", "v"),
            ("a b", "v"),
            ("ä", "v"),
            ("k", "ü"),
            ("k", "a\r\nb"),
            ("k", "first, final"),
            ("k", " v"),
            (&*"k".repeat(257), "v"),
            ("k", &*"v".repeat(1025)),
        ] {
            assert!(!checked(&[(key, value)]), "{key:?}: {value:?}");
        }
        assert!(!checked(&[("Trace", "a"), ("trace", "b")]));
        let large: Vec<_> = (0..9).map(|n| (format!("k{n}"), "v".repeat(1000))).collect();
        assert!(!checked(&large.iter().map(|(key, value)| (&**key, &**value)).collect::<Vec<_>>()));
    }
}
