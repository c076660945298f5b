use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use crate::charset::Charset;

/// The kinds of bodies that operations take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// `text/plain`.
    Text,
    /// `application/json`.
    Json,
    /// `application/octet-stream`, or no content type at all.
    Binary,
}

/// A parsed `Content-Type` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContentType {
    pub(crate) media_type: MediaType,
    pub(crate) charset: Charset,
}

impl ContentType {
    const BINARY: Self = Self { media_type: MediaType::Binary, charset: Charset::Utf8 };

    /// Reads the header; `None` for a type or charset that is not known, and for a header that does not parse.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(CONTENT_TYPE).iter();
        match (values.next(), values.next()) {
            (None, _) => Some(Self::BINARY),
            (Some(value), None) => Self::parse(value),
            _ => None,
        }
    }

    fn parse(value: &HeaderValue) -> Option<Self> {
        let text = value.to_str().ok()?.trim();
        if text.is_empty() {
            return Some(Self::BINARY);
        }
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        let media_type = MediaType::parse(essence.trim())?;
        Some(Self { media_type, charset: charset(parameters)? })
    }
}

impl MediaType {
    fn parse(essence: &str) -> Option<Self> {
        const KNOWN: [(&str, MediaType); 3] = [
            ("application/json", MediaType::Json),
            ("text/plain", MediaType::Text),
            ("application/octet-stream", MediaType::Binary),
        ];
        KNOWN.iter().find(|(name, _)| name.eq_ignore_ascii_case(essence)).map(|&(_, known)| known)
    }
}

/// Finds the charset among the parameters `name=value; name="value"`. UTF-8 if there is none.
fn charset(mut parameters: &str) -> Option<Charset> {
    let mut found = None;
    while !parameters.trim().is_empty() {
        let (name, value, rest) = parameter(parameters)?;
        if name.eq_ignore_ascii_case("charset") && found.is_none() {
            found = Some(Charset::parse(value)?);
        }
        parameters = rest;
    }
    Some(found.unwrap_or(Charset::Utf8))
}

/// Takes one parameter and the semicolon after it.
fn parameter(text: &str) -> Option<(&str, &str, &str)> {
    let (name, value) = text.split_once('=')?;
    let name = name.trim();
    let (value, rest) = match value.trim_start().strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => value.split_at(value.find(';').unwrap_or(value.len())),
    };
    let rest = rest.trim_start();
    let rest = if rest.is_empty() { rest } else { rest.strip_prefix(';')? };
    (!name.is_empty() && !name.contains([';', ' ', '"'])).then_some((name, value.trim(), rest))
}
