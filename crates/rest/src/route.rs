use http::Method;

use crate::operation::Operation;
use crate::path::Path;

/// One place in a path pattern.
#[derive(Debug, Clone, Copy)]
enum Segment {
    /// This text, in upper or lower case.
    Is(&'static str),
    Hub,
    Group,
    User,
    Connection,
    Permission,
}

use Operation as Op;
use Segment::{Connection, Group, Hub, Is, Permission, User};

/// A path that exists, and what its methods mean.
#[derive(Debug)]
pub(crate) struct Resource {
    /// What follows `/api`.
    pattern: &'static [Segment],
    /// The methods as an `Allow` header lists them.
    pub(crate) allow: &'static str,
    operations: &'static [(Method, Operation)],
}

/// The names that stand in a matched path, decoded but not yet checked; empty where the path has none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names<'p> {
    pub(crate) hub: &'p str,
    pub(crate) group: &'p str,
    pub(crate) user: &'p str,
    pub(crate) connection: &'p str,
    pub(crate) permission: &'p str,
}

const HUBS: Segment = Is("hubs");

const HEAD: &str = "HEAD";
const GET: &str = "GET";
const POST: &str = "POST";
const DELETE: &str = "DELETE";
const HEAD_DELETE: &str = "HEAD, DELETE";
const PUT_DELETE: &str = "PUT, DELETE";
const HEAD_PUT_DELETE: &str = "HEAD, PUT, DELETE";

/// Every path below `/api`. The most frequent ones come first, because they are tried in this order.
static RESOURCES: &[Resource] = &[
    at(&[HUBS, Hub, Is("groups"), Group, Is(":send")], POST, &[(Method::POST, Op::SendToGroup)]),
    at(&[HUBS, Hub, Is("users"), User, Is(":send")], POST, &[(Method::POST, Op::SendToUser)]),
    at(
        &[HUBS, Hub, Is("connections"), Connection, Is(":send")],
        POST,
        &[(Method::POST, Op::SendToConnection)],
    ),
    at(&[HUBS, Hub, Is(":send")], POST, &[(Method::POST, Op::SendToAll)]),
    at(&[HUBS, Hub, Is(":generateToken")], POST, &[(Method::POST, Op::GenerateClientToken)]),
    at(&[HUBS, Hub, Is(":addToGroups")], POST, &[(Method::POST, Op::AddConnectionsToGroups)]),
    at(&[HUBS, Hub, Is(":removeFromGroups")], POST, &[(Method::POST, Op::RemoveConnectionsFromGroups)]),
    at(&[HUBS, Hub, Is(":closeConnections")], POST, &[(Method::POST, Op::CloseAllConnections)]),
    at(
        &[HUBS, Hub, Is("connections"), Connection],
        HEAD_DELETE,
        &[(Method::HEAD, Op::CheckConnectionExists), (Method::DELETE, Op::CloseConnection)],
    ),
    at(
        &[HUBS, Hub, Is("connections"), Connection, Is("groups")],
        DELETE,
        &[(Method::DELETE, Op::RemoveConnectionFromAllGroups)],
    ),
    at(&[HUBS, Hub, Is("groups"), Group], HEAD, &[(Method::HEAD, Op::CheckGroupExists)]),
    at(
        &[HUBS, Hub, Is("groups"), Group, Is(":closeConnections")],
        POST,
        &[(Method::POST, Op::CloseGroupConnections)],
    ),
    at(
        &[HUBS, Hub, Is("groups"), Group, Is("connections")],
        GET,
        &[(Method::GET, Op::ListConnectionsInGroup)],
    ),
    at(
        &[HUBS, Hub, Is("groups"), Group, Is("connections"), Connection],
        PUT_DELETE,
        &[(Method::PUT, Op::AddConnectionToGroup), (Method::DELETE, Op::RemoveConnectionFromGroup)],
    ),
    at(&[HUBS, Hub, Is("users"), User], HEAD, &[(Method::HEAD, Op::CheckUserExists)]),
    at(
        &[HUBS, Hub, Is("users"), User, Is(":closeConnections")],
        POST,
        &[(Method::POST, Op::CloseUserConnections)],
    ),
    at(
        &[HUBS, Hub, Is("users"), User, Is("groups")],
        DELETE,
        &[(Method::DELETE, Op::RemoveUserFromAllGroups)],
    ),
    at(
        &[HUBS, Hub, Is("users"), User, Is("groups"), Group],
        PUT_DELETE,
        &[(Method::PUT, Op::AddUserToGroup), (Method::DELETE, Op::RemoveUserFromGroup)],
    ),
    at(
        &[HUBS, Hub, Is("permissions"), Permission, Is("connections"), Connection],
        HEAD_PUT_DELETE,
        &[
            (Method::HEAD, Op::CheckPermission),
            (Method::PUT, Op::GrantPermission),
            (Method::DELETE, Op::RevokePermission),
        ],
    ),
    at(&[Is("health")], HEAD, &[(Method::HEAD, Op::HealthCheck)]),
];

const fn at(
    pattern: &'static [Segment],
    allow: &'static str,
    operations: &'static [(Method, Operation)],
) -> Resource {
    Resource { pattern, allow, operations }
}

impl Resource {
    /// Finds the resource at a path and the names in it; `None` if there is none.
    pub(crate) fn find<'p>(path: &'p Path<'_>) -> Option<(&'static Self, Names<'p>)> {
        RESOURCES.iter().find_map(|resource| Some((resource, resource.names(path)?)))
    }

    /// What a method means here; `None` if it means nothing.
    pub(crate) fn operation(&self, method: &Method) -> Option<Operation> {
        self.operations.iter().find(|(known, _)| known == method).map(|&(_, operation)| operation)
    }

    fn names<'p>(&self, path: &'p Path<'_>) -> Option<Names<'p>> {
        let mut segments = path.segments();
        segments.next().filter(|root| root.eq_ignore_ascii_case("api"))?;
        let mut names = Names::default();
        for expected in self.pattern {
            names.take(*expected, segments.next()?)?;
        }
        segments.next().is_none().then_some(names)
    }
}

impl<'p> Names<'p> {
    /// Notes a name, or compares a fixed text. A name is never empty: then the path is another one.
    fn take(&mut self, expected: Segment, found: &'p str) -> Option<()> {
        let name = match expected {
            Is(text) => return text.eq_ignore_ascii_case(found).then_some(()),
            Hub => &mut self.hub,
            Group => &mut self.group,
            User => &mut self.user,
            Connection => &mut self.connection,
            Permission => &mut self.permission,
        };
        *name = found;
        (!found.is_empty()).then_some(())
    }
}
