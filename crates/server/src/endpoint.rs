use std::fmt;

/// A base URL of the service: a scheme and a host, with a port if it is not the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    secure: bool,
    authority: String,
}

impl Endpoint {
    /// Reads `http://host[:port]` or `https://host[:port]`. `None` if it is anything else; a trailing slash is fine.
    pub fn parse(text: &str) -> Option<Self> {
        let uri: http::Uri = text.parse().ok()?;
        let secure = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let authority = uri.authority()?.as_str();
        let bare = matches!(uri.path(), "" | "/") && uri.query().is_none() && !authority.contains('@');
        (bare && !uri.host()?.is_empty()).then(|| Self { secure, authority: authority.to_ascii_lowercase() })
    }

    /// The endpoint of a listener, with TLS or without.
    pub fn of_listener(address: std::net::SocketAddr, secure: bool) -> Self {
        let authority = match address.ip() {
            // Nobody can connect to a wildcard address; every host has this name.
            ip if ip.is_unspecified() => format!("localhost:{}", address.port()),
            _ => address.to_string(),
        };
        Self { secure, authority }
    }

    /// Host, and port if there is one.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// The scheme of client URLs: `ws` or `wss`.
    pub fn client_scheme(&self) -> &'static str {
        if self.secure { "wss" } else { "ws" }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority)
    }
}
