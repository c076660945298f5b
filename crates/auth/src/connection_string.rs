use std::fmt;

use crate::access_key::{AccessKey, AccessKeyError};

/// The longest connection string, in bytes: the longest key, and as much again for the endpoint and settings of others.
const CONNECTION_STRING_BYTES_MAX: usize = 8192;

/// A text that is no connection string. The text itself is never repeated, since it holds a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionStringError {
    /// Longer than any real one.
    #[error("the connection string is longer than {CONNECTION_STRING_BYTES_MAX} bytes")]
    TooLong,
    /// A part between semicolons that is not empty and has no `=`.
    #[error("a part of the connection string has no '='; expected Endpoint=…;AccessKey=…;Version=1.0;")]
    NoValue,
    /// No `Endpoint`, or an empty one.
    #[error("the connection string has no Endpoint")]
    EndpointMissing,
    /// An `Endpoint` that is not an http or https URL with a host.
    #[error("the Endpoint of the connection string is not an http or https URL")]
    EndpointInvalid,
    /// No `AccessKey`, or an empty one.
    #[error("the connection string has no AccessKey")]
    AccessKeyMissing,
    /// An `AccessKey` that breaks a rule of keys.
    #[error(transparent)]
    AccessKey(#[from] AccessKeyError),
    /// A `Port` that is not a number from 1 to 65535.
    #[error("the Port of the connection string is not a number from 1 to 65535")]
    PortInvalid,
}

/// What an application needs to reach the service: where it is, and the key to sign with.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionString {
    endpoint: String,
    access_key: AccessKey,
}

impl ConnectionString {
    /// Joins an endpoint (`http://localhost:8080`; without a scheme it is taken as https) and a key.
    ///
    /// # Errors
    /// [`ConnectionStringError::EndpointMissing`] or [`ConnectionStringError::EndpointInvalid`].
    pub fn new(endpoint: &str, access_key: AccessKey) -> Result<Self, ConnectionStringError> {
        Ok(Self { endpoint: checked_endpoint(endpoint)?, access_key })
    }

    /// Reads `Endpoint=…;AccessKey=…;Version=1.0;` as the official clients do: names of settings in any case and order, a
    /// value goes from the first `=` to the next `;`, `Port` replaces the port of the endpoint, the last of several wins, and
    /// other settings are passed over.
    ///
    /// # Errors
    /// [`ConnectionStringError`] with the first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, ConnectionStringError> {
        if text.len() > CONNECTION_STRING_BYTES_MAX {
            return Err(ConnectionStringError::TooLong);
        }
        let settings = Settings::read(text)?;
        let endpoint = checked_endpoint(settings.endpoint.unwrap_or_default())?;
        let key = settings.access_key.filter(|key| !key.is_empty());
        let access_key = AccessKey::new(key.ok_or(ConnectionStringError::AccessKeyMissing)?)?;
        let endpoint = match settings.port {
            Some(port) => with_port(&endpoint, port)?,
            None => endpoint,
        };
        Ok(Self { endpoint, access_key })
    }

    /// The URL of the service, with its scheme and without a slash at its end.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The key to sign with.
    pub fn access_key(&self) -> &AccessKey {
        &self.access_key
    }

    /// The whole text with the key in it, named so that every use of it stands out.
    pub fn expose(&self) -> String {
        format!("Endpoint={};AccessKey={};Version=1.0;", self.endpoint, self.access_key.expose())
    }
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionString({}, redacted)", self.endpoint)
    }
}

/// The settings that matter, as written.
#[derive(Default)]
struct Settings<'a> {
    endpoint: Option<&'a str>,
    access_key: Option<&'a str>,
    port: Option<&'a str>,
}

impl<'a> Settings<'a> {
    fn read(text: &'a str) -> Result<Self, ConnectionStringError> {
        let mut settings = Self::default();
        for part in text.split(';').filter(|part| !part.trim().is_empty()) {
            let (name, value) = part.split_once('=').ok_or(ConnectionStringError::NoValue)?;
            match name.trim().to_ascii_lowercase().as_str() {
                "endpoint" => settings.endpoint = Some(value),
                "accesskey" => settings.access_key = Some(value),
                "port" => settings.port = Some(value),
                // Version, and what other kinds of resources add, changes nothing for any client.
                _ => {}
            }
        }
        Ok(settings)
    }
}

/// The endpoint with its scheme and without a slash at its end.
fn checked_endpoint(text: &str) -> Result<String, ConnectionStringError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ConnectionStringError::EndpointMissing);
    }
    let endpoint = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let endpoint = endpoint.trim_end_matches('/');
    let (scheme, authority, _) = split(endpoint)?;
    let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let strange = |character: char| character.is_whitespace() || character.is_control() || character == ';';
    let host_missing = authority.is_empty() || authority.starts_with(':');
    if !known || host_missing || endpoint.contains(strange) {
        return Err(ConnectionStringError::EndpointInvalid);
    }
    Ok(endpoint.to_owned())
}

/// Scheme, host with port, and what follows them.
fn split(endpoint: &str) -> Result<(&str, &str, &str), ConnectionStringError> {
    let (scheme, rest) = endpoint.split_once("://").ok_or(ConnectionStringError::EndpointInvalid)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    Ok((scheme, authority, path))
}

fn with_port(endpoint: &str, port: &str) -> Result<String, ConnectionStringError> {
    let port = port.trim().parse::<u16>().ok().filter(|port| *port > 0);
    let port = port.ok_or(ConnectionStringError::PortInvalid)?;
    let (scheme, authority, path) = split(endpoint)?;
    // The colons of an IPv6 address stand inside its brackets; only one after them begins a port.
    let host_end = match authority.rfind(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    Ok(format!("{scheme}://{}:{port}{path}", &authority[..host_end]))
}
