use hubwire_auth::Claims;

use crate::Settings;

/// What a caller may do. The names are those of the managed service's roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Nothing: its token is good, but nobody has given it a role.
    Nobody,
    /// Look: calls that change nothing.
    Reader,
    /// Everything.
    Owner,
}

/// The claims that say who a caller is, or what it is: its roles and groups, and the ids of user, application and client.
const NAMES: [&str; 8] = ["roles", "role", "groups", "oid", "sub", "appid", "azp", "client_id"];

impl Grade {
    /// The grade that the settings give to a caller.
    pub(crate) fn of(claims: &Claims, settings: &Settings) -> Self {
        let mut values = NAMES.iter().filter_map(|name| claims.all.get(*name)).flatten();
        let listed = |list: &[String], value: &String| list.contains(value);
        if values.clone().any(|value| listed(&settings.owners, value)) {
            Self::Owner
        } else if values.any(|value| listed(&settings.readers, value)) {
            Self::Reader
        } else {
            Self::Nobody
        }
    }
}
