use crate::error::TokenError;

/// Takes the token out of the value of an `Authorization` header: the word `Bearer` in any case, blanks, the token.
///
/// # Errors
/// [`TokenError::Missing`] if there is no header, another scheme, or no token.
pub fn bearer_token(authorization: Option<&str>) -> Result<&str, TokenError> {
    let value = authorization.ok_or(TokenError::Missing)?.trim();
    let (scheme, token) = value.split_once(' ').ok_or(TokenError::Missing)?;
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(TokenError::Missing);
    }
    Ok(token.trim_start())
}
