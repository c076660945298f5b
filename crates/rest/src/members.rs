use hubwire_hub::{Command, Member, Reply};
use hubwire_protocol::GroupName;
use serde::Serialize;

use crate::call::{Call, UNEXPECTED_REPLY};
use crate::error::Error;
use crate::paging;
use crate::query::number;
use crate::success::Success;
use crate::version;

/// The largest page, and the one that a caller gets who asks for none.
const PAGE_SIZE_MAX: u32 = 200;
/// The largest `top`: the parameter is a signed 32-bit number.
const TOP_MAX: u32 = i32::MAX as u32;

/// The body of a page. Both members are always present.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a> {
    value: Vec<Entry<'a>>,
    next_link: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    connection_id: String,
    user_id: Option<&'a str>,
}

/// How much a caller wants.
struct Extent {
    page_size: u32,
    /// Over all pages; `None` for everything.
    top: Option<u32>,
}

impl Extent {
    fn of(call: &Call<'_>) -> Result<Self, Error> {
        let page_size = bounded(call, "maxpagesize", PAGE_SIZE_MAX)?.unwrap_or(PAGE_SIZE_MAX);
        Ok(Self { page_size, top: bounded(call, "top", TOP_MAX)? })
    }

    /// How many members this page shows at most.
    fn here(&self) -> u32 {
        self.top.map_or(self.page_size, |top| top.min(self.page_size))
    }

    /// What is left of `top` after this page; `Some(0)` if nothing.
    fn left(&self) -> Option<u32> {
        self.top.map(|top| top - self.here())
    }
}

/// GET `/api/hubs/{hub}/groups/{group}/connections`: one page of members, ordered by connection id.
///
/// A page goes on after the last id of the one before, so members that leave do not shift it. An unknown group is an empty one.
pub(crate) async fn list(call: &Call<'_>) -> Result<Success, Error> {
    let group = call.group()?;
    let extent = Extent::of(call)?;
    let token = call.query.once(paging::PARAMETER)?;
    let after = token.map(|token| call.paging.read(&call.hub, &group, token)).transpose()?;
    let size = extent.here() as usize;
    // One more than is shown tells whether there is another page.
    let command = Command::List { group: group.clone(), after, limit: size + 1 };
    let mut members = match call.execute(command).await? {
        Reply::Members(members) => members,
        Reply::Missing => Vec::new(),
        _ => return Err(UNEXPECTED_REPLY),
    };
    // Each shard answers in order, but the answers come one after the other.
    members.sort_unstable_by_key(|member| member.connection);
    let more = members.len() > size;
    members.truncate(size);
    let next_link = next_link(call, &group, &extent, members.last().filter(|_| more))?;
    page(&members, next_link)
}

fn page(members: &[Member], next_link: Option<String>) -> Result<Success, Error> {
    let value = members.iter().map(|member| Entry {
        connection_id: member.connection.to_string(),
        user_id: member.user.as_ref().map(|user| user.as_str()),
    });
    let page = Page { value: value.collect(), next_link };
    let document = serde_json::to_vec(&page).map_err(|_| Error::Internal("the page could not be written"))?;
    Ok(Success::Document(document.into()))
}

/// The absolute address of the page after the last shown member, on the host that the caller used.
fn next_link(
    call: &Call<'_>,
    group: &GroupName,
    extent: &Extent,
    last: Option<&Member>,
) -> Result<Option<String>, Error> {
    let Some(last) = last.filter(|_| extent.left() != Some(0)) else {
        return Ok(None);
    };
    let token = call.paging.issue(&call.hub, group, last.connection)?;
    let (endpoint, path, size) = (call.endpoint()?, call.raw_path, extent.page_size);
    let top = extent.left().map(|left| format!("&top={left}")).unwrap_or_default();
    let version = version::NEWEST;
    let parameter = paging::PARAMETER;
    Ok(Some(format!("{endpoint}{path}?api-version={version}&maxpagesize={size}&{parameter}={token}{top}")))
}

fn bounded(call: &Call<'_>, name: &'static str, max: u32) -> Result<Option<u32>, Error> {
    let Some(text) = call.query.once(name)? else {
        return Ok(None);
    };
    number(text, 1..=max).ok_or(Error::Parameter(name)).map(Some)
}
