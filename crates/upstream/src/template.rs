use std::fmt;

use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in the value of a parameter: the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The event that a template is expanded with when its handler is validated.
pub(crate) const VALIDATION_EVENT: &str = "validate";

/// The URL of an event handler, with the places of the hub and of the event in it.
///
/// `{hub}` and `{event}`, in any case, stand for values that are percent-encoded; neither may stand in the domain.
#[derive(Clone, PartialEq, Eq)]
pub struct UrlTemplate {
    text: String,
    parts: Vec<Part>,
    /// Appended to the query: a code that lets the service in.
    code: Option<String>,
    secure: bool,
    host: String,
    authority: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Hub,
    Event,
}

/// Why a text is no URL template. The text says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlTemplateError {
    /// A parameter that does not exist.
    #[error("`{{{0}}}` is not a parameter; there are {{hub}} and {{event}}")]
    Parameter(String),
    /// A brace without its other.
    #[error("a brace is not closed, or was not opened")]
    Brace,
    /// A parameter before the path.
    #[error("{{hub}} and {{event}} cannot stand in the domain")]
    Domain,
    /// No absolute URL.
    #[error("it is not an absolute URL that begins with http:// or https://")]
    Absolute,
    /// A tunnel or a vault, which only the managed service has.
    #[error("{0} is not supported here")]
    Unsupported(&'static str),
    /// A user and password, which no HTTP client sends.
    #[error("a user or password in the URL is not sent; use `bearer_token`, `code` or `headers`")]
    Userinfo,
}

impl UrlTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// [`UrlTemplateError`] with the first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, UrlTemplateError> {
        if text.starts_with("tunnel:") {
            return Err(UrlTemplateError::Unsupported("a tunnel:// URL"));
        }
        if text.contains("{@") {
            return Err(UrlTemplateError::Unsupported("a Key Vault reference"));
        }
        let parts = parts(text)?;
        let scheme_end = text.find("://").ok_or(UrlTemplateError::Absolute)?;
        let rest = &text[scheme_end + 3..];
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains(['{', '}']) {
            return Err(UrlTemplateError::Domain);
        }
        if authority.contains('@') {
            return Err(UrlTemplateError::Userinfo);
        }
        let secure = match &text[..scheme_end] {
            scheme if scheme.eq_ignore_ascii_case("https") => true,
            scheme if scheme.eq_ignore_ascii_case("http") => false,
            _ => return Err(UrlTemplateError::Absolute),
        };
        let mut template = Self {
            text: text.to_owned(),
            parts,
            code: None,
            secure,
            host: String::new(),
            authority: authority.to_ascii_lowercase(),
        };
        let sample = template.expand("hub", "event").ok_or(UrlTemplateError::Absolute)?;
        sample.host().filter(|host| !host.is_empty()).ok_or(UrlTemplateError::Absolute)?;
        template.host = sample.host().unwrap_or_default().to_ascii_lowercase();
        Ok(template)
    }

    /// Adds a code to the query of every expansion: what Azure Functions and some gateways let callers in by.
    #[must_use]
    pub fn with_code(mut self, code: &str) -> Self {
        self.code = Some(utf8_percent_encode(code, ESCAPED).to_string());
        self
    }

    /// The URL for an event of a hub. `None` if the values make it no URL, as names of hubs and events never do.
    pub fn expand(&self, hub: &str, event: &str) -> Option<Uri> {
        let mut url = String::with_capacity(self.text.len() + hub.len() + event.len());
        for part in &self.parts {
            match part {
                Part::Text(text) => url.push_str(text),
                Part::Hub => url.extend(utf8_percent_encode(hub, ESCAPED)),
                Part::Event => url.extend(utf8_percent_encode(event, ESCAPED)),
            }
        }
        if let Some(code) = &self.code {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str("code=");
            url.push_str(code);
        }
        url.parse().ok()
    }

    /// The URL that the handler is validated at.
    pub(crate) fn validation_url(&self, hub: &str) -> Option<Uri> {
        self.expand(hub, VALIDATION_EVENT)
    }

    /// Whether it is spoken to by TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Host and port, as the template has them, in lower case.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The template without its query, in which secrets may stand.
    pub fn shown(&self) -> &str {
        shown(&self.text)
    }
}

/// A URL without its query and fragment, in which secrets may stand.
pub(crate) fn shown(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

impl fmt::Debug for UrlTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.shown(), f)
    }
}

impl fmt::Display for UrlTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

fn parts(text: &str) -> Result<Vec<Part>, UrlTemplateError> {
    let mut parts = Vec::new();
    let mut rest = text.split('#').next().unwrap_or_default();
    while let Some(start) = rest.find(['{', '}']) {
        let (before, at) = rest.split_at(start);
        let inner = at.strip_prefix('{').ok_or(UrlTemplateError::Brace)?;
        let (name, after) = inner.split_once('}').ok_or(UrlTemplateError::Brace)?;
        parts.push(Part::Text(before.to_owned()));
        parts.push(match name {
            name if name.eq_ignore_ascii_case("hub") => Part::Hub,
            name if name.eq_ignore_ascii_case("event") => Part::Event,
            name => return Err(UrlTemplateError::Parameter(name.to_owned())),
        });
        rest = after;
    }
    parts.push(Part::Text(rest.to_owned()));
    Ok(parts)
}
