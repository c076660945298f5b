use hubwire_auth::{Claims, Grade};

use crate::Settings;

/// The claims that say who a caller is, or what it is: its roles and groups, and the ids of user, application and client.
pub(crate) const NAMES: [&str; 8] = ["roles", "role", "groups", "oid", "sub", "appid", "azp", "client_id"];

/// The grade that the settings give to a caller.
pub(crate) fn grade(claims: &Claims, settings: &Settings) -> Grade {
    let mut values = NAMES.iter().filter_map(|name| claims.all.get(*name)).flatten();
    let listed = |list: &[String], value: &String| list.contains(value);
    if values.clone().any(|value| listed(&settings.owners, value)) {
        Grade::Owner
    } else if values.any(|value| listed(&settings.readers, value)) {
        Grade::Reader
    } else {
        Grade::Nobody
    }
}
