use std::borrow::Cow;
use std::ops::RangeInclusive;

use percent_encoding::percent_decode_str;

use crate::error::Error;

/// The query of a request: decoded as a form, names in any case.
///
/// Its size is bounded by the length of a URI, which the `http` crate limits to 64 KiB.
#[derive(Debug)]
pub(crate) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Decodes what follows the `?`.
    ///
    /// # Errors
    /// [`Error::QueryEncoding`] if a name or a value is not UTF-8.
    pub(crate) fn parse(raw: Option<&'a str>) -> Result<Self, Error> {
        let pairs = raw.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let parsed = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        });
        parsed.collect::<Result<_, Error>>().map(Self)
    }

    /// Every value of a parameter, in order.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// The first value of a parameter: where one value is wanted, further ones do not count.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The value of a parameter that may stand at most once and must not be blank.
    ///
    /// # Errors
    /// [`Error::Parameter`] if it stands twice or is blank.
    pub(crate) fn once(&self, name: &'static str) -> Result<Option<&str>, Error> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) if !value.trim().is_empty() => Ok(Some(value)),
            _ => Err(Error::Parameter(name)),
        }
    }
}

/// Reads an unsigned decimal number within bounds; `None` for anything else, signs and blanks included.
pub(crate) fn number(text: &str, bounds: RangeInclusive<u32>) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let value = digits.then(|| text.parse().ok()).flatten()?;
    bounds.contains(&value).then_some(value)
}

fn decode(text: &str) -> Result<Cow<'_, str>, Error> {
    if !text.contains('+') {
        return percent_decode_str(text).decode_utf8().map_err(|_| Error::QueryEncoding);
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| Error::QueryEncoding)?;
    Ok(decoded.into_owned().into())
}
