use crate::arguments::Token;
use crate::output;
use crate::service::{Client, Service};

/// Prints a client URL, and nothing else, so that it can be used in other commands.
pub(crate) fn run(token: &Token) -> anyhow::Result<()> {
    let service = Service::find(&token.access)?;
    let client = Client {
        user: token.user.as_deref(),
        roles: &token.roles,
        groups: &token.groups,
        minutes: token.minutes,
    };
    output::line(&service.client_url(&client)?)?;
    Ok(())
}
