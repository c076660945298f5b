use std::sync::Arc;

use http::HeaderMap;
use hubwire_filter::Filter;
use hubwire_hub::{Command, Observer, Reply, Router, TraceContext};
use hubwire_protocol::{ConnectionId, GroupName, HubName, UserId};

use crate::error::Error;
use crate::options::{Clock, Options};
use crate::paging::Paging;
use crate::query::Query;
use crate::route::Names;

/// One authenticated request to a hub: what operations work with, apart from the body.
pub(crate) struct Call<'a> {
    pub(crate) router: &'a dyn Router,
    pub(crate) observer: &'a dyn Observer,
    pub(crate) options: &'a Options,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) paging: &'a Paging,
    /// When the request came, in microseconds on the clock that never goes back.
    pub(crate) begun_us: u64,
    /// Its span, if it belongs to a distributed trace: what comes of it is caused by that.
    pub(crate) cause: Option<TraceContext>,
    /// Unix seconds.
    pub(crate) now_s: u64,
    /// `http` or `https`, as the caller used it.
    pub(crate) scheme: &'a str,
    /// `host[:port]` as the caller used it.
    pub(crate) authority: Option<&'a str>,
    /// The path as it stood in the request line.
    pub(crate) raw_path: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) query: &'a Query<'a>,
    pub(crate) hub: HubName,
    pub(crate) names: &'a Names<'a>,
}

/// A connection as a caller names it.
#[derive(Debug, Clone)]
pub(crate) struct AddressedConnection {
    /// The caller's text, for messages.
    pub(crate) text: String,
    /// The id; `None` for a text that no connection can have. Such a connection does not exist, which is no error of the request.
    pub(crate) id: Option<ConnectionId>,
}

impl Call<'_> {
    /// The connection in the path.
    ///
    /// # Errors
    /// [`Error::ConnectionId`] if it is blank.
    pub(crate) fn connection(&self) -> Result<AddressedConnection, Error> {
        let text = self.names.connection;
        if text.trim().is_empty() {
            return Err(Error::ConnectionId);
        }
        Ok(AddressedConnection { text: text.to_owned(), id: ConnectionId::parse(text) })
    }

    /// The group in the path.
    ///
    /// # Errors
    /// [`Error::Name`] if it breaks the rule of group names.
    pub(crate) fn group(&self) -> Result<GroupName, Error> {
        Ok(GroupName::parse(self.names.group)?)
    }

    /// The user in the path.
    ///
    /// # Errors
    /// [`Error::Name`] if it is blank.
    pub(crate) fn user(&self) -> Result<UserId, Error> {
        Ok(UserId::parse(self.names.user)?)
    }

    /// The connections that the query leaves out, exactly as they are spelled. A text that no connection can have leaves out none.
    pub(crate) fn excluded(&self) -> Arc<[ConnectionId]> {
        self.query.all("excluded").filter_map(ConnectionId::parse).collect()
    }

    /// The filter in the query; an absent or blank one selects everyone.
    ///
    /// # Errors
    /// [`Error::Filter`] if it does not parse or does not type-check.
    pub(crate) fn filter(&self) -> Result<Option<Arc<Filter>>, Error> {
        let text = self.query.first("filter").filter(|text| !text.trim().is_empty());
        Ok(text.map(Filter::parse).transpose()?.map(Arc::new))
    }

    /// Scheme and host of the service as the caller reached it.
    ///
    /// # Errors
    /// [`Error::Host`] if the request does not tell the host.
    pub(crate) fn endpoint(&self) -> Result<String, Error> {
        let authority = self.authority.ok_or(Error::Host)?;
        Ok(format!("{}://{authority}", self.scheme))
    }

    /// Makes the hub act, and waits until all of it has.
    ///
    /// # Errors
    /// [`Error::Busy`] if a worker has too much waiting.
    pub(crate) async fn execute(&self, command: Command) -> Result<Reply, Error> {
        Ok(self.router.execute_for(self.cause, self.hub.clone(), command).await?)
    }

    /// Asks whether something is there, or was changed.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::GroupLimit`] if a connection is in too many groups.
    pub(crate) async fn found(&self, command: Command) -> Result<bool, Error> {
        match self.execute(command).await? {
            Reply::Done => Ok(true),
            Reply::Missing => Ok(false),
            Reply::LimitReached => Err(Error::GroupLimit),
            Reply::Members(_)
            | Reply::Session { .. }
            | Reply::Explained(_)
            | Reply::Surveyed(_)
            | Reply::Packed(_)
            | Reply::Recorded(_) => Err(UNEXPECTED_REPLY),
        }
    }
}

/// A reply that its command does not have: a defect of the service, which must not pass as success.
pub(crate) const UNEXPECTED_REPLY: Error =
    Error::Internal("a hub answered with something else than was asked");
