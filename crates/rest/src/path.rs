use std::borrow::Cow;

use crate::error::Error;

/// A request path as the rules of names, routes and token audiences see it.
///
/// It is decoded once, except that `%2F` stays the three characters that it is: a name with a slash cannot be addressed, and clients
/// that escape a slash reach the name with `%2F` in it. A `+` stays a `+`. A `%` that starts no escape stays as well.
#[derive(Debug)]
pub(crate) struct Path<'a>(Cow<'a, str>);

impl<'a> Path<'a> {
    /// Decodes the path of a request line. One trailing slash does not count.
    ///
    /// # Errors
    /// [`Error::PathEncoding`] if the result is not UTF-8.
    pub(crate) fn decode(raw: &'a str) -> Result<Self, Error> {
        let raw = raw.strip_suffix('/').unwrap_or(raw);
        if !raw.contains('%') {
            return Ok(Self(raw.into()));
        }
        let decoded = String::from_utf8(octets(raw)).map_err(|_| Error::PathEncoding)?;
        Ok(Self(decoded.into()))
    }

    /// The whole decoded path, without a trailing slash.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands between the slashes. Decoding never makes a slash, so the decoded text can be split.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.strip_prefix('/').unwrap_or(&self.0).split('/')
    }
}

fn octets(raw: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%').then(|| escaped(tail)).flatten();
        let taken = if escaped.is_some() { 2 } else { 0 };
        octets.push(escaped.unwrap_or(first));
        rest = &tail[taken..];
    }
    octets
}

/// The octet that follows a `%`, unless it is a slash or the digits are missing.
fn escaped(digits: &[u8]) -> Option<u8> {
    let digit = |index: usize| char::from(*digits.get(index)?).to_digit(16);
    let octet = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    (octet != b'/').then_some(octet)
}
