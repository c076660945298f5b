use std::net::SocketAddr;

use hubwire_auth::{AccessKeys, DEVELOPMENT_KEY};
use hubwire_console::{Access, ConsoleToken, Payloads};
use toml::Spanned;

use super::error::ConfigError;
use super::file::{File, SecretTable};
use super::openid::{OpenIdConfig, openid};
use super::secrets::secret;

/// The shortest console token, in bytes: as many as nobody guesses.
const TOKEN_BYTES_MIN: usize = 16;

/// The table `[console]`, checked.
#[derive(Debug, Clone)]
pub struct ConsoleConfig {
    /// Whether there is a console at all.
    pub enabled: bool,
    /// Who gets in.
    pub access: Access,
    /// Where people can sign in, if anywhere.
    pub openid: Option<OpenIdConfig>,
    /// How much of payloads is shown.
    pub payloads: Payloads,
    /// Record all the time, not only while somebody watches.
    pub recording: bool,
}

impl ConsoleConfig {
    /// What opens the console to an operator, where it is known here.
    pub fn operator_token(&self) -> Option<&str> {
        match &self.access {
            Access::Tokens { operator: Some(token), .. } => Some(token.expose()),
            _ => None,
        }
    }
}

/// Reads the table. `listen` and `keys` decide whether the console is open to everybody on this machine.
pub(super) fn config(
    file: &File,
    listen: SocketAddr,
    keys: &AccessKeys,
) -> Result<ConsoleConfig, ConfigError> {
    let table = &file.table.console;
    let operator = token(file, "console.operator_token", table.operator_token.as_ref())?;
    let viewer = token(file, "console.viewer_token", table.viewer_token.as_ref())?;
    let development =
        std::iter::once(&keys.primary).chain(&keys.secondary).any(|key| key.expose() == DEVELOPMENT_KEY);
    let openid = openid(file)?;
    let access = if operator.is_some() || viewer.is_some() || openid.is_some() {
        Access::Tokens { operator, viewer }
    } else if listen.ip().is_loopback() && development {
        Access::Open
    } else {
        Access::Closed
    };
    Ok(ConsoleConfig {
        enabled: table.enabled.unwrap_or(true),
        access,
        openid,
        payloads: payloads(file, table.payloads.as_ref())?,
        recording: table.recording,
    })
}

fn token(
    file: &File,
    setting: &str,
    given: Option<&Spanned<SecretTable>>,
) -> Result<Option<ConsoleToken>, ConfigError> {
    let Some(given) = given else {
        return Ok(None);
    };
    let token = secret(file, setting, given)?;
    if token.expose().len() < TOKEN_BYTES_MIN {
        return Err(ConfigError {
            source: file.source_at(given.span().start),
            setting: setting.to_owned(),
            problem: format!("a console token has at least {TOKEN_BYTES_MIN} bytes"),
        });
    }
    Ok(Some(ConsoleToken::new(token.expose().to_owned())))
}

fn payloads(file: &File, given: Option<&Spanned<String>>) -> Result<Payloads, ConfigError> {
    let Some(given) = given.map(|given| file.given("console.payloads", given)) else {
        return Ok(Payloads::Truncated);
    };
    match given.value.as_str() {
        "hidden" => Ok(Payloads::Hidden),
        "truncated" => Ok(Payloads::Truncated),
        "shown" => Ok(Payloads::Shown),
        other => Err(given.error(format!("`{other}` is none of hidden, truncated and shown"))),
    }
}
