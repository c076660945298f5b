use http::Response;
use hubwire_hub::{Command, ConnectionFinding, Findings, Page, Reply, Survey, Target};
use hubwire_protocol::{ConnectionId, GroupName, HubName, UserId};
use serde_json::{Value, json};

use crate::answer::{self, Body};
use crate::api::Call;
use crate::error::Error;
use crate::peers::{Others, merge_pages};

const LIMIT_MAX: u64 = 200;
const LIMIT_DEFAULT: u64 = 50;

/// The page that a request asks for, and one entry more, which tells whether there is another page.
fn page(call: &Call<'_>) -> Result<(Page, usize), Error> {
    let parameters = call.parameters();
    let limit = parameters.number("limit", 1..=LIMIT_MAX, LIMIT_DEFAULT)? as usize;
    let text = |name| parameters.get(name).unwrap_or_default().to_owned();
    Ok((Page { search: text("search"), after: text("after"), limit: limit + 1 }, limit))
}

async fn survey(call: &Call<'_>, hub: HubName, survey: Survey) -> Result<Findings, Error> {
    match call.shared.router.execute(hub, Command::Survey(survey)).await? {
        Reply::Surveyed(findings) => Ok(*findings),
        Reply::Missing => Ok(Findings::default()),
        _ => Err(Error::Internal("a hub answered with something else than was asked")),
    }
}

/// A page of items, each with the name that the next page begins after.
fn list(items: impl Iterator<Item = (String, Value)>, limit: usize) -> Value {
    let mut items: Vec<_> = items.take(limit + 1).collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|(name, _)| name.clone());
    let items: Vec<_> = items.into_iter().map(|(_, item)| item).collect();
    let mut shown = json!({"items": items});
    if let Some(next) = next {
        shown["next"] = next.into();
    }
    shown
}

/// The page of all nodes, of which this one's is `own`. Items of the same name are one.
async fn everywhere(call: &Call<'_>, name: &str, limit: usize, own: Value) -> Response<Body> {
    let others = Others::of(call).await;
    let mut shown = merge_pages(name, limit, own, &others);
    others.add_to(call, &mut shown);
    answer::json(&shown)
}

/// GET `/console/api/hubs`.
pub(crate) async fn hubs(call: &Call<'_>) -> Result<Response<Body>, Error> {
    let (page, limit) = page(call)?;
    // Hubs are asked of all shards; the name makes no difference.
    let findings = survey(call, HubName::parse("all")?, Survey::Hubs).await?;
    let wanted = page.search.to_lowercase();
    let shown = findings.hubs.into_iter().filter(|(name, _)| *name > page.after && name.contains(&wanted));
    let item = |(name, hub): (String, hubwire_hub::HubFinding)| {
        let (groups, users) = (hub.groups.count(), hub.users.count());
        let item = json!({"name": name, "connections": hub.connections, "groups": groups, "users": users});
        (name, item)
    };
    Ok(everywhere(call, "name", limit, list(shown.map(item), limit)).await)
}

/// GET `/console/api/hubs/{hub}/groups`.
pub(crate) async fn groups(call: &Call<'_>, hub: HubName) -> Result<Response<Body>, Error> {
    let (page, limit) = page(call)?;
    let findings = survey(call, hub, Survey::Groups(page)).await?;
    let own = list(findings.names.into_iter().map(named), limit);
    Ok(everywhere(call, "name", limit, own).await)
}

/// GET `/console/api/hubs/{hub}/users`.
pub(crate) async fn users(call: &Call<'_>, hub: HubName) -> Result<Response<Body>, Error> {
    let (page, limit) = page(call)?;
    let findings = survey(call, hub, Survey::Users(page)).await?;
    let own = list(findings.names.into_iter().map(named), limit);
    Ok(everywhere(call, "name", limit, own).await)
}

fn named((name, connections): (String, usize)) -> (String, Value) {
    let item = json!({"name": name, "connections": connections});
    (name, item)
}

/// GET `/console/api/hubs/{hub}/connections`.
pub(crate) async fn connections(call: &Call<'_>, hub: HubName) -> Result<Response<Body>, Error> {
    let (page, limit) = page(call)?;
    let parameters = call.parameters();
    let named = |name| parameters.get(name).filter(|text| !text.is_empty());
    let target = match (named("group"), named("user")) {
        (Some(_), Some(_)) => return Err(Error::invalid("group and user exclude each other")),
        (Some(group), None) => Target::Group(GroupName::parse(group)?),
        (None, Some(user)) => Target::User(UserId::parse(user)?),
        (None, None) => Target::Hub,
    };
    let findings = survey(call, hub, Survey::Connections(target, page)).await?;
    let item = |(id, found): (ConnectionId, ConnectionFinding)| (id.to_string(), shown(call, id, &found));
    let own = list(findings.connections.into_iter().map(item), limit);
    Ok(everywhere(call, "connection", limit, own).await)
}

/// GET `/console/api/hubs/{hub}/connections/{id}`.
pub(crate) async fn connection(call: &Call<'_>, hub: HubName, id: &str) -> Result<Response<Body>, Error> {
    let missing = || Error::NotFound(format!("There is no connection {id} in hub {hub}."));
    let id = ConnectionId::parse(id).ok_or_else(missing)?;
    let page = Page { limit: 1, ..Page::default() };
    let question = Survey::Connections(Target::Connection(id), page);
    let findings = survey(call, hub.clone(), question).await?;
    if let Some(found) = findings.connections.get(&id) {
        return Ok(answer::json(&shown(call, id, found)));
    }
    let others = Others::of(call).await;
    match others.answers.first() {
        Some((_, found)) => Ok(answer::json(found)),
        // It may be there.
        None if !others.silent.is_empty() => Err(Error::Silent(others.silent.join(", "))),
        None => Err(missing()),
    }
}

fn shown(call: &Call<'_>, id: ConnectionId, found: &ConnectionFinding) -> Value {
    let mut shown = json!({
        "connection": id.to_string(),
        "protocol": found.protocol.as_deref().unwrap_or("simple"),
        "openedAt": found.opened_ms,
        "worker": id.worker(),
        "attached": found.attached,
        "groupCount": found.group_count,
        "groups": found.groups.iter().map(|group| group.as_str()).collect::<Vec<_>>(),
        "permissions": found.allowed,
        "denied": found.denied,
        "waitingMessages": found.waiting_messages,
        "waitingBytes": found.waiting_bytes,
    });
    if let Some(peers) = &call.shared.peers {
        shown["node"] = peers.node().into();
    }
    if let Some(user) = &found.user {
        shown["user"] = user.as_str().into();
    }
    if let Some((unacknowledged, sequence_id)) = found.window {
        shown["unacknowledged"] = unacknowledged.into();
        shown["sequenceId"] = sequence_id.into();
    }
    shown
}
