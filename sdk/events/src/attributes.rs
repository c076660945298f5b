use http::HeaderMap;

use crate::Error;

/// Says that a request comes from the service: the version of its attributes. Other requests to the same path are none of ours.
pub(crate) const VERSION: &str = "ce-awpsversion";
/// The host of the service that asks.
pub(crate) const ORIGIN: &str = "webhook-request-origin";
/// Which hosts may send events.
pub(crate) const ALLOWED_ORIGIN: &str = "webhook-allowed-origin";
pub(crate) const TYPE: &str = "ce-type";
pub(crate) const HUB: &str = "ce-hub";
pub(crate) const CONNECTION_ID: &str = "ce-connectionid";
pub(crate) const EVENT_NAME: &str = "ce-eventname";
pub(crate) const EVENT_ID: &str = "ce-id";
pub(crate) const TIME: &str = "ce-time";
pub(crate) const USER_ID: &str = "ce-userid";
pub(crate) const SUBPROTOCOL: &str = "ce-subprotocol";
pub(crate) const STATE: &str = "ce-connectionstate";
pub(crate) const SIGNATURE: &str = "ce-signature";
pub(crate) const PHYSICAL_CONNECTION_ID: &str = "ce-physicalconnectionid";
pub(crate) const SESSION_ID: &str = "ce-sessionid";
pub(crate) const NAMESPACE: &str = "ce-namespace";
pub(crate) const SOCKET_ID: &str = "ce-socketid";

/// The attributes of a CloudEvent in binary mode, in a request's headers. Where a header is repeated, its first line counts.
#[derive(Clone, Copy)]
pub(crate) struct Attributes<'a>(pub(crate) &'a HeaderMap);

impl<'a> Attributes<'a> {
    /// An attribute that may be left out. Services write non-ASCII users as UTF-8.
    pub(crate) fn get(self, name: &'static str) -> Result<Option<&'a str>, Error> {
        let value = self.0.get(name).map(|value| str::from_utf8(value.as_bytes()));
        value.transpose().map_err(|_| Error::MalformedHeader(name))
    }

    /// An attribute that every event has, and that says something.
    pub(crate) fn require(self, name: &'static str) -> Result<&'a str, Error> {
        match self.get(name)? {
            None => Err(Error::MissingHeader(name)),
            Some("") => Err(Error::MalformedHeader(name)),
            Some(value) => Ok(value),
        }
    }

    /// An attribute of one's own.
    pub(crate) fn owned(self, name: &'static str) -> Result<Option<String>, Error> {
        Ok(self.get(name)?.map(str::to_owned))
    }

    pub(crate) fn has(self, name: &'static str) -> bool {
        self.0.contains_key(name)
    }
}
