use hubwire_hub::{Command, Subject, Target};

use crate::call::Call;
use crate::connections;
use crate::error::Error;
use crate::success::Success;

/// HEAD `/api/hubs/{hub}/groups/{group}`: a group exists while it has a member.
pub(crate) async fn exists(call: &Call<'_>) -> Result<Success, Error> {
    let group = call.group()?;
    let found = call.found(Command::Exists(Target::Group(group.clone()))).await?;
    found.then_some(Success::Done).ok_or_else(|| Error::NoSuchGroup(group.to_string()))
}

/// POST `/api/hubs/{hub}/groups/{group}/:closeConnections`.
pub(crate) async fn close(call: &Call<'_>) -> Result<Success, Error> {
    connections::close(call, Target::Group(call.group()?)).await
}

/// PUT `/api/hubs/{hub}/groups/{group}/connections/{connectionId}`: the one change of membership that needs its connection.
pub(crate) async fn add_connection(call: &Call<'_>) -> Result<Success, Error> {
    let (group, connection) = (call.group()?, call.connection()?);
    let Some(id) = connection.id else {
        return Err(Error::JoinConnection(connection.text));
    };
    let joined = call.found(Command::Join(Subject::Connection(id), group)).await?;
    joined.then_some(Success::Done).ok_or(Error::JoinConnection(connection.text))
}

/// DELETE on the same path. There is no error if there is no such member.
pub(crate) async fn remove_connection(call: &Call<'_>) -> Result<Success, Error> {
    let (group, connection) = (call.group()?, call.connection()?);
    if let Some(id) = connection.id {
        call.found(Command::Leave(Subject::Connection(id), group)).await?;
    }
    Ok(Success::NoContent)
}
