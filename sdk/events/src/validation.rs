use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use http_body_util::Full;

use crate::Error;
use crate::attributes;
use crate::origin::Origin;

/// Which services may send events.
#[derive(Debug, Clone, Default)]
pub(crate) enum AllowedOrigins {
    /// Every one.
    #[default]
    All,
    /// Those with one of these endpoints.
    Listed(Vec<Origin>),
}

/// The question of a service whether it may send events: the abuse protection of the CloudEvents webhook specification, section 4.
#[derive(Debug, Clone)]
pub struct Validation {
    origin: String,
    allowed: AllowedOrigins,
}

impl AllowedOrigins {
    pub(crate) fn check(&self, origin: &str) -> Result<(), Error> {
        let allowed = match self {
            Self::All => true,
            Self::Listed(endpoints) => {
                let origin = Origin::of_header(origin);
                endpoints.iter().any(|endpoint| endpoint.allows(&origin))
            }
        };
        if allowed { Ok(()) } else { Err(Error::OriginNotAllowed) }
    }
}

impl Validation {
    pub(crate) fn new(origin: &str, allowed: &AllowedOrigins) -> Self {
        Self { origin: origin.to_owned(), allowed: allowed.clone() }
    }

    /// The host of the service that asks.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether that service may send events.
    pub fn is_allowed(&self) -> bool {
        self.allowed.check(&self.origin).is_ok()
    }

    /// The answer: who may send events, whoever asks. The service looks for itself in it.
    pub fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        let name = HeaderName::from_static(attributes::ALLOWED_ORIGIN);
        match self.allowed {
            AllowedOrigins::All => {
                response.headers_mut().insert(name, HeaderValue::from_static("*"));
            }
            AllowedOrigins::Listed(endpoints) => {
                // An origin was read from a URI, which has nothing that a header cannot have.
                for value in endpoints.iter().filter_map(|endpoint| endpoint.as_str().parse().ok()) {
                    response.headers_mut().append(name.clone(), value);
                }
            }
        }
        response
    }
}
