use http::{HeaderMap, HeaderValue};
use hubwire_protocol::Metadata;

use crate::error::Error;

/// What the names of metadata headers start with. Header names are in lower case when they arrive here.
const PREFIX: &str = "x-webpubsub-metadata-";

/// Reads the metadata of a message from headers `X-WebPubSub-Metadata-<key>: value`; `None` if there are none.
///
/// Keys are lower-cased. If a header repeats, or lists values separated by commas, the last value counts.
///
/// # Errors
/// [`Error::Metadata`] if a key, a value or the whole breaks a rule.
pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Metadata>, Error> {
    let mut entries = Vec::new();
    for name in headers.keys() {
        let Some(key) = name.as_str().strip_prefix(PREFIX) else {
            continue;
        };
        let last = headers.get_all(name).iter().next_back().map(value).unwrap_or_default();
        entries.push((key, last));
    }
    if entries.is_empty() { Ok(None) } else { Ok(Some(Metadata::new(entries)?)) }
}

/// What follows the last comma. Each octet becomes one character, so that one beyond ASCII is found and refused.
fn value(header: &HeaderValue) -> String {
    let octets = header.as_bytes();
    let last = octets.rsplit(|octet| *octet == b',').next().unwrap_or_default();
    last.trim_ascii().iter().copied().map(char::from).collect()
}
