use hubwire_auth::Permission;
use hubwire_hub::{Command, Reply};
use hubwire_protocol::{ConnectionId, GroupName};

use crate::call::{AddressedConnection, Call, UNEXPECTED_REPLY};
use crate::error::Error;
use crate::success::Success;

/// A permission of one connection for one group, as path and query name it.
///
/// The group is always a plain name: `*` and `room.*` mean the groups that are called so.
struct Rule {
    connection: AddressedConnection,
    permission: Permission,
    group: GroupName,
}

impl Rule {
    fn of(call: &Call<'_>) -> Result<Self, Error> {
        let permission = call.names.permission.parse().map_err(|_| Error::Permission)?;
        let connection = call.connection()?;
        let group = GroupName::parse(call.query.first("targetName").unwrap_or_default())?;
        Ok(Self { connection, permission, group })
    }

    /// A connection that cannot exist is missing like any other.
    async fn apply(
        &self,
        call: &Call<'_>,
        command: fn(ConnectionId, Permission, GroupName) -> Command,
    ) -> Result<Reply, Error> {
        let Some(id) = self.connection.id else {
            return Ok(Reply::Missing);
        };
        call.execute(command(id, self.permission, self.group.clone())).await
    }

    fn limit(self) -> Error {
        Error::PermissionLimit { permission: self.permission.as_str(), connection: self.connection.text }
    }
}

/// HEAD `/api/hubs/{hub}/permissions/{permission}/connections/{connectionId}?targetName=`.
pub(crate) async fn check(call: &Call<'_>) -> Result<Success, Error> {
    let rule = Rule::of(call)?;
    match rule.apply(call, Command::Check).await? {
        Reply::Done => Ok(Success::Done),
        Reply::Missing => Err(Error::PermissionMissing {
            permission: rule.permission.as_str(),
            connection: rule.connection.text,
        }),
        _ => Err(UNEXPECTED_REPLY),
    }
}

/// PUT on the same path.
pub(crate) async fn grant(call: &Call<'_>) -> Result<Success, Error> {
    let rule = Rule::of(call)?;
    match rule.apply(call, Command::Grant).await? {
        Reply::Done => Ok(Success::Done),
        Reply::Missing => Err(Error::GrantConnection(rule.connection.text)),
        Reply::LimitReached => Err(rule.limit()),
        _ => Err(UNEXPECTED_REPLY),
    }
}

/// DELETE on the same path. There is no error if there is no connection.
pub(crate) async fn revoke(call: &Call<'_>) -> Result<Success, Error> {
    let rule = Rule::of(call)?;
    match rule.apply(call, Command::Revoke).await? {
        Reply::Done | Reply::Missing => Ok(Success::NoContent),
        Reply::LimitReached => Err(rule.limit()),
        _ => Err(UNEXPECTED_REPLY),
    }
}
