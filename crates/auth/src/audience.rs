use percent_encoding::percent_decode_str;

use crate::claims::Claims;
use crate::error::TokenError;

/// The schemes of an audience. Behind a TLS proxy the client's scheme and the one that the service sees differ, so any is good.
const SCHEMES: [&str; 4] = ["http://", "https://", "ws://", "wss://"];

/// The path of client endpoints whose hub may also be given in the older ways.
const PLAIN_CLIENT_PATH: &str = "/client/hubs/";

/// The older path of client endpoints, where the hub stands in the query.
pub const LEGACY_CLIENT_PATH: &str = "/client/";

/// Checks that a token was made for a REST request, as the service does.
///
/// `authorities` are the `Host` header and the configured public endpoints' hosts, each with its port if it has one.
/// `decoded_path` is the request path after its one decoding that leaves `%2F` as it is. An audience fits if, as given or
/// decoded once, with or without its query, it is a URL that begins with one authority and the path, ignoring case, and then ends
/// or goes on with `/` or `?`. So the query never matters, an audience for something below the path opens the path, and one for something above does
/// not.
///
/// # Errors
/// [`TokenError::Audience`] if no audience fits.
pub fn rest_audience_allows(
    claims: &Claims,
    authorities: &[&str],
    decoded_path: &str,
) -> Result<(), TokenError> {
    let targets: Vec<_> = authorities
        .iter()
        .filter(|authority| !authority.is_empty())
        .map(|authority| format!("{authority}{decoded_path}").trim_end_matches('/').to_owned())
        .collect();
    let fits = |audience: &str| targets.iter().any(|target| reaches(audience, target));
    // What begins at a question mark that is not escaped is a query; one that is escaped belongs to a name.
    let path_fits = |audience: &str| {
        let path = audience.split_once('?').map_or(audience, |(path, _)| path);
        fits(&form_decoded(path))
    };
    let mut audiences = claims.audiences.iter();
    if audiences.any(|audience| fits(audience) || fits(&form_decoded(audience)) || path_fits(audience)) {
        return Ok(());
    }
    Err(TokenError::audience(&with_scheme(&targets), &claims.audiences))
}

/// Checks that a token was made for connecting to a hub.
///
/// `path` is the canonical client path that ends with the hub (`/client/hubs/chat`, `/clients/mqtt/hubs/chat`). An audience
/// fits if it equals the URL ignoring case, whatever its scheme and whether or not the hub is percent-encoded; no query and no
/// slash may follow. For the plain client path the older forms `/client/?hub=…` and `/client?hub=…` fit too. An audience that names
/// no hub at all, `/client/`, fits only a request that came to that very path, [`LEGACY_CLIENT_PATH`].
///
/// # Errors
/// [`TokenError::Audience`] if no audience fits.
pub fn client_audience_allows(
    claims: &Claims,
    authorities: &[&str],
    path: &str,
    hub: &str,
) -> Result<(), TokenError> {
    let legacy = path == LEGACY_CLIENT_PATH;
    let above_hub =
        if legacy { PLAIN_CLIENT_PATH } else { path.rfind('/').map_or("", |slash| &path[..=slash]) };
    let fits = |audience: &str| {
        let mut paths = authorities.iter().filter_map(|authority| path_at(audience, authority));
        paths.any(|path| names_hub(path, above_hub, hub) || legacy && equal(path, LEGACY_CLIENT_PATH))
    };
    if claims.audiences.iter().any(|audience| fits(audience)) {
        return Ok(());
    }
    let targets: Vec<_> =
        authorities.iter().map(|authority| format!("{authority}{above_hub}{hub}")).collect();
    Err(TokenError::audience(&with_scheme(&targets), &claims.audiences))
}

/// Whether an audience begins with the target and then stops at a boundary.
fn reaches(audience: &str, target: &str) -> bool {
    let rest = without_scheme(audience).and_then(|address| without_prefix(address, target));
    rest.is_some_and(|rest| match rest.chars().next() {
        None | Some('/') => true,
        // A question mark inside the target was decoded from its path, so another one is not a boundary that can be trusted.
        Some('?') => !target.contains('?'),
        Some(_) => false,
    })
}

/// Whether the path of an audience names the hub in one of the accepted ways.
fn names_hub(path: &str, above_hub: &str, hub: &str) -> bool {
    let is_hub = |text: &str| {
        equal(text, hub) || percent_decode_str(text).decode_utf8().is_ok_and(|text| equal(&text, hub))
    };
    if without_prefix(path, above_hub).is_some_and(is_hub) {
        return true;
    }
    let older = equal(above_hub, PLAIN_CLIENT_PATH);
    let mut prefixes = ["/client/?hub=", "/client?hub="].iter();
    older && prefixes.any(|prefix| without_prefix(path, prefix).is_some_and(is_hub))
}

/// What follows an authority in an audience, provided that the authority ends there.
fn path_at<'a>(audience: &'a str, authority: &str) -> Option<&'a str> {
    let path = without_prefix(without_scheme(audience)?, authority)?;
    (!authority.is_empty() && path.starts_with('/')).then_some(path)
}

fn without_scheme(audience: &str) -> Option<&str> {
    SCHEMES.iter().find_map(|scheme| without_prefix(audience, scheme))
}

/// The audiences that would have fitted, written with the scheme that production uses.
fn with_scheme(targets: &[String]) -> Vec<String> {
    targets.iter().map(|target| format!("https://{target}")).collect()
}

/// Decodes as form fields are: besides percent escapes, a plus is a blank.
fn form_decoded(text: &str) -> String {
    let blanks = text.replace('+', " ");
    percent_decode_str(&blanks).decode_utf8_lossy().into_owned()
}

/// What follows a prefix that is compared ignoring case.
fn without_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    if let Some((start, rest)) = text.split_at_checked(prefix.len())
        && start.is_ascii()
        && prefix.is_ascii()
    {
        // Nearly always: then a byte is a character, and a call is not slowed by the letters of others.
        return start.eq_ignore_ascii_case(prefix).then_some(rest);
    }
    let mut rest = text.chars();
    for expected in prefix.chars() {
        rest.next().filter(|actual| same(*actual, expected))?;
    }
    Some(rest.as_str())
}

fn equal(left: &str, right: &str) -> bool {
    without_prefix(left, right).is_some_and(str::is_empty)
}

/// Ignores case letter by letter. ASCII letters equal ASCII letters only, since a dotless `ı` and a long `ſ` also have ASCII
/// capitals, and a lookalike must not open what belongs to the other letter.
fn same(left: char, right: char) -> bool {
    if left.is_ascii() || right.is_ascii() {
        return left.eq_ignore_ascii_case(&right);
    }
    left == right || left.to_uppercase().eq(right.to_uppercase())
}
