use hubwire_hub::Router;

use crate::error::Error;
use crate::success::Success;

/// HEAD `/api/health`: whoever gets this answer has reached a service that takes publishes and commands. It needs no token.
pub(crate) fn check(router: &dyn Router) -> Result<Success, Error> {
    Ok(router.health().map(|()| Success::Done)?)
}
