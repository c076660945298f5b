use std::error::Error as StdError;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http_body::Body;
use hubwire_filter::Filter;
use hubwire_hub::Command;
use hubwire_protocol::GroupName;
use serde_json::{Map, Value};

use crate::body;
use crate::call::Call;
use crate::charset::Charset;
use crate::content_type::{ContentType, MediaType};
use crate::error::Error;
use crate::success::Success;

/// The media types that a bulk change can have.
const SUPPORTED: &str = "application/json; charsets: utf-8, us-ascii, iso-8859-1, utf-16";

/// The groups of a bulk change and the connections that it is meant for.
type Selection = (Arc<[GroupName]>, Option<Arc<Filter>>);

/// POST `/api/hubs/{hub}/:addToGroups`. It succeeds also if nobody is selected.
pub(crate) async fn add<B>(call: &Call<'_>, body: B) -> Result<Success, Error>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let (groups, filter) = selection(call, body).await?;
    call.found(Command::JoinMatching(groups, filter)).await?;
    Ok(Success::Done)
}

/// POST `/api/hubs/{hub}/:removeFromGroups`. It succeeds also if nobody is selected.
pub(crate) async fn remove<B>(call: &Call<'_>, body: B) -> Result<Success, Error>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let (groups, filter) = selection(call, body).await?;
    call.found(Command::LeaveMatching(groups, filter)).await?;
    Ok(Success::Done)
}

/// Reads the body `{"groups":[…],"filter":"…"}` and checks all of it, so that nothing is changed unless everything is valid.
async fn selection<B>(call: &Call<'_>, body: B) -> Result<Selection, Error>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    body::check_length(call.headers, call.options)?;
    let charset = json_charset(call.headers).ok_or(Error::MediaType { supported: SUPPORTED })?;
    let document = body::document(body::read(body, call.options).await?, charset)?;
    let members = serde_json::from_slice(&document).map_err(|_| Error::GroupsRequest)?;
    Ok((groups(&members)?, filter(&members)?))
}

/// Only JSON, and it must be said: an absent content type means binary, here as everywhere.
fn json_charset(headers: &HeaderMap) -> Option<Charset> {
    let content_type = ContentType::of(headers)?;
    (content_type.media_type == MediaType::Json).then_some(content_type.charset)
}

/// The member with this name, in any case, as the service's own parser reads it. Null counts as absent. If it stands in several spellings,
/// nobody can tell which one is meant.
fn member<'m>(members: &'m Map<String, Value>, name: &str) -> Result<Option<&'m Value>, Error> {
    let mut named = members.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    match (named.next(), named.next()) {
        (found, None) => Ok(found.map(|(_, value)| value).filter(|value| !value.is_null())),
        _ => Err(Error::GroupsRequest),
    }
}

fn groups(members: &Map<String, Value>) -> Result<Arc<[GroupName]>, Error> {
    let names = match member(members, "groups")? {
        None => return Err(Error::GroupNames),
        Some(Value::Array(names)) if names.is_empty() => return Err(Error::GroupNames),
        Some(Value::Array(names)) => names,
        Some(_) => return Err(Error::GroupsRequest),
    };
    names.iter().map(group).collect()
}

fn group(name: &Value) -> Result<GroupName, Error> {
    match name {
        Value::String(text) => GroupName::parse(text).map_err(|_| Error::GroupNames),
        Value::Null => Err(Error::GroupNames),
        _ => Err(Error::GroupsRequest),
    }
}

/// An absent, null or empty filter selects every connection of the hub. Here, unlike in a query, a blank one is an error.
fn filter(members: &Map<String, Value>) -> Result<Option<Arc<Filter>>, Error> {
    match member(members, "filter")? {
        None => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(Arc::new(Filter::parse(text)?))),
        Some(_) => Err(Error::GroupsRequest),
    }
}
