use hubwire_identity::Settings;
use toml::Spanned;

use super::error::ConfigError;
use super::file::{EntraTable, File};

/// Who may call with tokens of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entra {
    /// Which issuer is trusted, and whom.
    pub identity: Settings,
    /// Calls that are signed with an access key are refused.
    pub required: bool,
}

/// Reads the table `[entra]`. `None` without it.
pub(super) fn entra(file: &File) -> Result<Option<Entra>, ConfigError> {
    let EntraTable { issuer, audience, owners, readers, required } = &file.table.entra;
    let Some(issuer) = issuer else {
        let stray = audience.as_ref().or(owners.first()).or(readers.first());
        return match stray {
            Some(stray) => {
                Err(wrong(file, "issuer", stray, "it is missing, so nothing of [entra] can be heeded"))
            }
            None => Ok(None),
        };
    };
    let uri = issuer.get_ref().parse::<http::Uri>().ok();
    let scheme = uri.as_ref().and_then(http::Uri::scheme_str);
    if !matches!(scheme, Some("http" | "https")) {
        return Err(wrong(file, "issuer", issuer, "it is not an http:// or https:// URL"));
    }
    if owners.is_empty() && readers.is_empty() {
        let problem = "nobody would be let in: `entra.owners` or `entra.readers` lists roles, groups, or ids of users and applications";
        return Err(wrong(file, "issuer", issuer, problem));
    }
    let texts = |list: &[Spanned<String>]| list.iter().map(|text| text.get_ref().clone()).collect();
    let audience = audience.as_ref().map_or(Settings::AUDIENCE, |audience| audience.get_ref());
    let identity = Settings {
        table: "entra",
        audience_setting: "audience",
        issuer: issuer.get_ref().clone(),
        audience: audience.to_owned(),
        owners: texts(owners),
        readers: texts(readers),
    };
    Ok(Some(Entra { identity, required: *required }))
}

fn wrong(file: &File, setting: &str, given: &Spanned<String>, problem: &str) -> ConfigError {
    ConfigError {
        source: file.source_at(given.span().start),
        setting: format!("entra.{setting}"),
        problem: problem.to_owned(),
    }
}
