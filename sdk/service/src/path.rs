//! Ids and names as segments of a request path, and percent encoding.

use azure_core::{
    Result,
    error::{Error, ErrorKind},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

/// The longest group name that the service takes, in characters.
const GROUP_LENGTH_MAX: usize = 1024;
/// The longest hub name that the service takes, in characters.
const HUB_LENGTH_MAX: usize = 128;

/// What JavaScript's `encodeURIComponent` leaves as it is. The other SDKs encode in this way, and the service
/// reads `+` as a plus sign, so the usual form encoding would change values.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Encodes a value for a path segment or a query.
pub(crate) fn encode(value: &str) -> PercentEncode<'_> {
    utf8_percent_encode(value, COMPONENT)
}

pub(crate) fn connection_id(id: &str) -> Result<String> {
    segment("connection id", id)
}

pub(crate) fn user_id(id: &str) -> Result<String> {
    segment("user id", id)
}

pub(crate) fn group(name: &str) -> Result<String> {
    check_group(name)?;
    segment("group name", name)
}

/// A group name has 1 to 1024 characters, not all of them white space.
pub(crate) fn check_group(name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(invalid("the group name is empty or only white space".into()));
    }
    if name.chars().count() > GROUP_LENGTH_MAX {
        return Err(invalid(format!("the group name is longer than {GROUP_LENGTH_MAX} characters")));
    }
    Ok(())
}

/// A hub name starts with a letter, followed by letters, digits and ``_`,.[]``, 128 characters in all.
pub(crate) fn check_hub(name: &str) -> Result<()> {
    let letter_first = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_`,.[]".contains(c);
    if letter_first && name.len() <= HUB_LENGTH_MAX && name.chars().all(allowed) {
        return Ok(());
    }
    Err(invalid(format!(
        "the hub name {name:?} is not valid: it starts with a letter, followed by letters, digits and any of \
         _`,.[] and has {HUB_LENGTH_MAX} characters at most"
    )))
}

/// Dots are refused because every URL parser takes such a segment, encoded or not, as a step in the path: the
/// request would go to another resource.
fn segment(what: &str, value: &str) -> Result<String> {
    match value {
        "" => Err(invalid(format!("the {what} is empty"))),
        "." | ".." => Err(invalid(format!("the {what} {value:?} cannot be part of a URL"))),
        _ => Ok(encode(value).to_string()),
    }
}

pub(crate) fn invalid(message: String) -> Error {
    Error::with_message(ErrorKind::Other, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::http::Url;
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    #[test]
    fn names_that_would_address_something_else_are_refused() {
        for id in ["", ".", ".."] {
            assert!(user_id(id).is_err(), "{id:?}");
            assert!(connection_id(id).is_err(), "{id:?}");
        }
        for name in ["", " ", "\t\n", ".", "..", &"g".repeat(1025)] {
            assert!(group(name).is_err(), "{name:?}");
        }
        assert!(group(&"ä".repeat(1024)).is_ok());
    }

    #[test]
    fn hub_names_follow_the_rule_of_the_service() {
        for name in ["chat", "A", "a_b`c,d.e[f]9", &"h".repeat(128)] {
            assert!(check_hub(name).is_ok(), "{name:?}");
        }
        for name in ["", "1chat", "my-hub", "hub name", "hüb", &"h".repeat(129)] {
            assert!(check_hub(name).is_err(), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn a_segment_stays_one_segment_and_decodes_to_the_id(id in ".+") {
            prop_assume!(id != "." && id != "..");
            let url = Url::parse(&format!("https://h/users/{}/:send?q={0}", user_id(&id).unwrap())).unwrap();
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            prop_assert_eq!(segments.len(), 3);
            prop_assert_eq!(percent_decode_str(segments[1]).decode_utf8().unwrap(), id.as_str());
            let query = url.query().unwrap().strip_prefix("q=").unwrap();
            prop_assert_eq!(percent_decode_str(query).decode_utf8().unwrap(), id.as_str());
        }
    }
}
