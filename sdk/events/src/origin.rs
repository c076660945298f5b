use http::Uri;

use crate::Error;

/// A host, with a port unless it is the scheme's own, in lower case: as browsers write `URL.host`, and as the official middleware names
/// allowed endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    text: String,
    host_length: usize,
}

impl Origin {
    /// The origin of an endpoint such as `https://name.webpubsub.azure.com`; a path is ignored.
    pub(crate) fn of_endpoint(endpoint: &str) -> Result<Self, Error> {
        let uri: Uri = endpoint.parse().map_err(|_| Error::InvalidEndpoint)?;
        let default_port = match uri.scheme_str() {
            Some("http") => 80_u16,
            Some("https") => 443,
            _ => return Err(Error::InvalidEndpoint),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(Error::InvalidEndpoint)?;
        let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        let port = match authority.rsplit_once(&format!("{host}:")) {
            Some((_, port)) => port.parse().map_err(|_| Error::InvalidEndpoint)?,
            None => default_port,
        };
        let mut text = host.to_ascii_lowercase();
        let host_length = text.len();
        if port != default_port {
            text.push_str(&format!(":{port}"));
        }
        Ok(Self { text, host_length })
    }

    /// The origin that a service says it has.
    pub(crate) fn of_header(value: &str) -> Self {
        let text = value.to_ascii_lowercase();
        let host_length = match text.rsplit_once(':') {
            // A colon inside of `[::1]`, or of `::1` without brackets, begins no port.
            Some((host, port))
                if port.bytes().all(|byte| byte.is_ascii_digit())
                    && (host.ends_with(']') || !host.contains(':')) =>
            {
                host.len()
            }
            _ => text.len(),
        };
        Self { text, host_length }
    }

    /// Host and port, as `WebHook-Allowed-Origin` has it.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The host alone.
    pub(crate) fn host(&self) -> &str {
        &self.text[..self.host_length]
    }

    /// Whether a service with this endpoint may call itself `other`: by its host and port, or by its host, since services leave the port out.
    pub(crate) fn allows(&self, other: &Self) -> bool {
        self.text == other.text || (self.host() == other.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_allowed_by_its_host_with_or_without_its_port() {
        for (endpoint, origin, allowed) in [
            ("https://a.example.com", "A.example.com", true),
            ("https://a.example.com:443/path", "a.example.com", true),
            ("http://a.example.com:8080", "a.example.com", true),
            ("http://a.example.com:8080", "a.example.com:8080", true),
            ("http://a.example.com:8080", "a.example.com:8081", false),
            ("https://a.example.com", "b.a.example.com", false),
            ("http://[::1]:8080", "[::1]", true),
            ("http://[::1]:8080", "[::1]:8080", true),
        ] {
            let endpoint = Origin::of_endpoint(endpoint).unwrap();
            assert_eq!(endpoint.allows(&Origin::of_header(origin)), allowed, "{endpoint:?} {origin}");
        }
    }

    #[test]
    fn what_is_no_http_url_is_no_endpoint() {
        for endpoint in [
            "",
            "host",
            "host:80",
            "ftp://host",
            "https://",
            "/path",
            "https://a b",
            "https://a:b",
            "https://a:99999",
        ] {
            assert!(Origin::of_endpoint(endpoint).is_err(), "{endpoint}");
        }
    }
}
