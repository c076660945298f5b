use hubwire_hub::{Command, Subject, Target};

use crate::call::Call;
use crate::connections;
use crate::error::Error;
use crate::success::Success;

/// HEAD `/api/hubs/{hub}/users/{userId}`: a user exists while it has a connection.
pub(crate) async fn exists(call: &Call<'_>) -> Result<Success, Error> {
    let user = call.user()?;
    let found = call.found(Command::Exists(Target::User(user.clone()))).await?;
    found.then_some(Success::Done).ok_or_else(|| Error::NoSuchUser(user.to_string()))
}

/// POST `/api/hubs/{hub}/users/{userId}/:closeConnections`.
pub(crate) async fn close(call: &Call<'_>) -> Result<Success, Error> {
    connections::close(call, Target::User(call.user()?)).await
}

/// PUT `/api/hubs/{hub}/users/{userId}/groups/{group}`: the connections that the user has now join; later ones do not.
pub(crate) async fn add_to_group(call: &Call<'_>) -> Result<Success, Error> {
    let (user, group) = (call.user()?, call.group()?);
    let joined = call.found(Command::Join(Subject::User(user.clone()), group)).await?;
    joined.then_some(Success::Done).ok_or_else(|| Error::JoinUser(user.to_string()))
}

/// DELETE on the same path. There is no error if there is no such member.
pub(crate) async fn remove_from_group(call: &Call<'_>) -> Result<Success, Error> {
    let (user, group) = (call.user()?, call.group()?);
    call.found(Command::Leave(Subject::User(user), group)).await?;
    Ok(Success::NoContent)
}

/// DELETE `/api/hubs/{hub}/users/{userId}/groups`. There is no error if the user has no connection.
pub(crate) async fn remove_from_all_groups(call: &Call<'_>) -> Result<Success, Error> {
    call.found(Command::LeaveAll(Subject::User(call.user()?))).await?;
    Ok(Success::NoContent)
}
