//! Rules whose breach makes the service close the connection, checked before anything is sent.
//!
//! json.webpubsub.azure.v1, "Validation". A message that is too long is left to the service, whose limit can be set.

use std::time::Duration;

use crate::{
    data::Metadata,
    error::{Error, Result},
};

const GROUP_UNITS_MAX: usize = 1024;
const EVENT_NAME_BYTES_MAX: usize = 128;
const TTL_SECONDS_MAX: u64 = 300;
const METADATA_KEY_BYTES_MAX: usize = 256;
const METADATA_VALUE_BYTES_MAX: usize = 1024;
const METADATA_BYTES_MAX: usize = 8192;

pub(crate) fn group(name: &str) -> Result<()> {
    let units = name.encode_utf16().count();
    if units > GROUP_UNITS_MAX || name.chars().all(char::is_whitespace) {
        return invalid("a group's name has 1 to 1024 characters that are not all blanks");
    }
    Ok(())
}

pub(crate) fn event(name: &str) -> Result<()> {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let rest = bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    if !first || !rest || name.len() > EVENT_NAME_BYTES_MAX {
        return invalid(
            "an event's name has a letter, then letters, digits, '_', '.', '-', at most 128 in all",
        );
    }
    Ok(())
}

/// In whole seconds, rounded up.
pub(crate) fn ttl_seconds(ttl: Duration) -> Result<u32> {
    let seconds = ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
    match u32::try_from(seconds) {
        Ok(value) if seconds <= TTL_SECONDS_MAX => Ok(value),
        _ => invalid("a time to live is at most 300 seconds"),
    }
}

pub(crate) fn metadata(metadata: &Metadata) -> Result<()> {
    let mut bytes = 0;
    for (key, value) in metadata {
        bytes += key.len() + value.len();
        if key.is_empty() || key.len() > METADATA_KEY_BYTES_MAX || !key.bytes().all(is_token) {
            return invalid("a metadata key has 1 to 256 letters, digits or signs of an HTTP token");
        }
        if value.len() > METADATA_VALUE_BYTES_MAX || !value.is_ascii() {
            return invalid("a metadata value has at most 1024 ASCII characters");
        }
    }
    if bytes > METADATA_BYTES_MAX {
        return invalid("metadata has at most 8192 bytes in all");
    }
    Ok(())
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn invalid<T>(rule: &str) -> Result<T> {
    Err(Error::InvalidArgument(rule.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_may_have_any_name_that_is_not_blank_or_too_long() {
        for good in ["g", "a b", "ä*?", &"x".repeat(1024), &"😀".repeat(512)] {
            assert!(group(good).is_ok(), "{good}");
        }
        for bad in ["", " \t", &"x".repeat(1025), &"😀".repeat(513)] {
            assert!(group(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn event_names_are_short_and_plain() {
        for good in ["a", "Order.placed-1_2", &"e".repeat(128)] {
            assert!(event(good).is_ok(), "{good}");
        }
        for bad in ["", "1a", ".a", "a b", "ä", &"e".repeat(129)] {
            assert!(event(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_to_live_is_rounded_up_to_seconds() {
        assert_eq!(ttl_seconds(Duration::from_millis(1)).ok(), Some(1));
        assert_eq!(ttl_seconds(Duration::from_secs(300)).ok(), Some(300));
        assert!(ttl_seconds(Duration::from_millis(300_001)).is_err());
    }

    #[test]
    fn metadata_has_bounds() {
        let of = |key: &str, value: &str| metadata(&[(key.to_owned(), value.to_owned())].into());
        assert!(of("trace-id", "1").is_ok());
        assert!(of("", "1").is_err());
        assert!(of("trace id", "1").is_err());
        assert!(of(&"k".repeat(257), "1").is_err());
        assert!(of("k", "ä").is_err());
        assert!(of("k", &"v".repeat(1025)).is_err());
        let many: Metadata = (0..9).map(|n| (n.to_string(), "v".repeat(1000))).collect();
        assert!(metadata(&many).is_err());
    }
}
