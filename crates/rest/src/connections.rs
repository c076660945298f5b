use std::sync::Arc;

use hubwire_hub::{Command, Subject, Target};

use crate::call::Call;
use crate::error::Error;
use crate::success::Success;

/// HEAD `/api/hubs/{hub}/connections/{connectionId}`. A session that can still be recovered counts.
pub(crate) async fn exists(call: &Call<'_>) -> Result<Success, Error> {
    let connection = call.connection()?;
    let Some(id) = connection.id else {
        return Err(Error::NoSuchConnection(connection.text));
    };
    let found = call.found(Command::Exists(Target::Connection(id))).await?;
    found.then_some(Success::Done).ok_or(Error::NoSuchConnection(connection.text))
}

/// DELETE `/api/hubs/{hub}/connections/{connectionId}`. There is no error if there is no connection.
pub(crate) async fn close_one(call: &Call<'_>) -> Result<Success, Error> {
    match call.connection()?.id {
        Some(id) => close(call, Target::Connection(id)).await,
        None => Ok(Success::NoContent),
    }
}

/// POST `/api/hubs/{hub}/:closeConnections`.
pub(crate) async fn close_all(call: &Call<'_>) -> Result<Success, Error> {
    close(call, Target::Hub).await
}

/// Closes everyone who is meant, apart from those that the query leaves out, and tells them the query's reason.
pub(crate) async fn close(call: &Call<'_>, target: Target) -> Result<Success, Error> {
    let excluded = match target {
        // The documentation gives this one operation no exclusions: whoever is named is closed.
        Target::Connection(_) => Arc::default(),
        _ => call.excluded(),
    };
    let reason = call.query.first("reason").unwrap_or_default().into();
    call.found(Command::Close { target, excluded, reason }).await?;
    Ok(Success::NoContent)
}

/// DELETE `/api/hubs/{hub}/connections/{connectionId}/groups`. There is no error if there is no connection.
pub(crate) async fn leave_all_groups(call: &Call<'_>) -> Result<Success, Error> {
    if let Some(id) = call.connection()?.id {
        call.found(Command::LeaveAll(Subject::Connection(id))).await?;
    }
    Ok(Success::NoContent)
}
