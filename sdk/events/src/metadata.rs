//! Message metadata: `x-webpubsub-metadata-<key>` headers of user events and of their answers.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::Error;

/// What the names of metadata headers begin with.
const PREFIX: &str = "x-webpubsub-metadata-";
/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 256;
/// The longest value, in bytes.
const VALUE_BYTES_MAX: usize = 1024;
/// The most that all keys and values may be together, in bytes.
const ALL_BYTES_MAX: usize = 8 * 1024;

/// Names and values that go along with a message. Keys are in lower case; values are ASCII.
///
/// The bounds are those of the service: a key is a token of 1 to 256 characters that a header's name can have, a value is at most 1,024 bytes of
/// printable ASCII, and all together are at most 8,192 bytes. They are checked where metadata is added to an answer; what a service sends is
/// taken as it is. Each key is a header, and many HTTP programs take about a hundred headers and no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// The value of a key, in any case.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(&key.to_ascii_lowercase()).map(String::as_str)
    }

    /// All keys and values, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// [`Error::InvalidMetadata`] beyond the bounds above; nothing is set then.
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), Error> {
        if key.is_empty() || key.len() > KEY_BYTES_MAX || header_name(key).is_none() {
            return Err(Error::InvalidMetadata("key is not a token of 1 to 256 characters"));
        }
        let printable = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if value.len() > VALUE_BYTES_MAX || !printable || value.trim() != value {
            return Err(Error::InvalidMetadata("value is not at most 1024 characters of printable ASCII"));
        }
        let key = key.to_ascii_lowercase();
        let others = self.iter().filter(|(other, _)| *other != key);
        let all: usize = others.map(|(key, value)| key.len() + value.len()).sum();
        if all + key.len() + value.len() > ALL_BYTES_MAX {
            return Err(Error::InvalidMetadata("keys and values are more than 8192 bytes together"));
        }
        self.0.insert(key, value.to_owned());
        Ok(())
    }

    /// The metadata among a request's headers. The last of several values counts; an empty key is none.
    pub(crate) fn of_headers(headers: &HeaderMap) -> Result<Self, Error> {
        let mut metadata = Self::default();
        for (name, value) in headers {
            let Some(key) = name.as_str().strip_prefix(PREFIX).filter(|key| !key.is_empty()) else {
                continue;
            };
            let value = str::from_utf8(value.as_bytes())
                .map_err(|_| Error::MalformedHeader("x-webpubsub-metadata-*"))?;
            metadata.0.insert(key.to_owned(), value.to_owned());
        }
        Ok(metadata)
    }

    /// Adds its headers to an answer.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        for (key, value) in self.iter() {
            // What was checked when it was added can stand in headers; what a service sent came in headers.
            if let (Some(name), Ok(value)) = (header_name(key), HeaderValue::from_bytes(value.as_bytes())) {
                headers.insert(name, value);
            }
        }
    }
}

fn header_name(key: &str) -> Option<HeaderName> {
    HeaderName::from_bytes(format!("{PREFIX}{key}").as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_one_whatever_their_case_and_the_last_value_counts() {
        let mut metadata = Metadata::default();
        metadata.insert("Trace-Id", "1").unwrap();
        metadata.insert("trace-ID", "2").unwrap();
        assert_eq!((metadata.len(), metadata.get("TRACE-id")), (1, Some("2")));
    }

    #[test]
    fn metadata_beyond_its_bounds_is_refused() {
        let mut metadata = Metadata::default();
        let long = "v".repeat(VALUE_BYTES_MAX);
        for (key, value) in [("", ""), ("a b", ""), ("ä", ""), ("k", "ä"), ("k", "\r\nx: y"), ("k", " v")] {
            assert!(metadata.insert(key, value).is_err(), "{key:?} {value:?}");
        }
        assert!(metadata.insert(&"k".repeat(KEY_BYTES_MAX + 1), "").is_err());
        assert!(metadata.insert("k", &format!("{long}v")).is_err());
        for n in 0..7 {
            metadata.insert(&format!("{n}"), &long).unwrap();
        }
        assert!(metadata.insert("more", &long).is_err());
        metadata.insert("0", &long).unwrap();
    }

    proptest! {
        #[test]
        fn what_is_accepted_comes_back_from_headers(key in ".{0,5}", value in ".{0,5}") {
            let mut metadata = Metadata::default();
            if metadata.insert(&key, &value).is_ok() {
                let mut headers = HeaderMap::new();
                metadata.write(&mut headers);
                prop_assert_eq!(Metadata::of_headers(&headers).unwrap(), metadata);
            } else {
                prop_assert!(metadata.is_empty());
            }
        }
    }
}
