use crate::error::Error;
use crate::query::Query;

/// The newest version, which links to further pages carry.
pub(crate) const NEWEST: &str = "2024-12-01";

/// The versions as the `api-supported-versions` header lists them.
pub(crate) const SUPPORTED: &str = "2021-10-01, 2022-11-01, 2023-07-01, 2024-01-01, 2024-12-01";

/// Every version that is served. All of them behave the same; the two previews stand for the general release that followed them.
const ACCEPTED: [&str; 7] = [
    "2021-10-01",
    "2022-11-01",
    "2023-07-01",
    "2024-01-01",
    NEWEST,
    "2021-08-01-preview",
    "2022-10-01-preview",
];

/// Checks the `api-version` parameter: absent, or exactly one known version.
///
/// # Errors
/// [`Error::ApiVersion`] for anything else.
pub(crate) fn check(query: &Query<'_>) -> Result<(), Error> {
    let mut versions = query.all("api-version");
    match (versions.next(), versions.next()) {
        (None, _) => Ok(()),
        (Some(version), None) if ACCEPTED.contains(&version) => Ok(()),
        _ => Err(Error::ApiVersion),
    }
}
