use crate::pattern::{Pattern, PatternError};
use crate::permission::Permission;
use crate::rule_set::{LITERALS_MAX, PATTERNS_MAX};

/// The longest group name, in UTF-16 code units, as the service counts them.
const GROUP_LENGTH_MAX: usize = 1024;

/// A role that gives a connection nothing, for the log of whoever handed it out. The connection stands all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredRole {
    /// The role as it was given.
    pub role: String,
    /// Why it gives nothing.
    pub why: IgnoredRoleReason,
}

/// Why a role gives nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IgnoredRoleReason {
    /// Not a role of this service. Applications may have roles of their own, so this is no mistake by itself.
    #[error("the role is not known to this service")]
    Unknown,
    /// The group of a role for one group is blank or too long.
    #[error("the role names an invalid group")]
    GroupName,
    /// The pattern of a role for many groups breaks a rule of patterns.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// More groups by name than [`LITERALS_MAX`].
    #[error("roles name more than {LITERALS_MAX} groups for one permission")]
    TooManyLiterals,
    /// More patterns than [`PATTERNS_MAX`].
    #[error("roles have more than {PATTERNS_MAX} wildcard patterns for one permission")]
    TooManyPatterns,
}

/// What one role allows.
#[derive(Debug)]
pub(crate) enum Grant {
    Everything,
    Literal(String),
    Pattern(Pattern),
}

/// Reads a role; case matters.
pub(crate) fn parse(role: &str) -> Result<(Permission, Grant), IgnoredRoleReason> {
    for (permission, name) in [
        (Permission::SendToGroup, "webpubsub.sendToGroup"),
        (Permission::JoinLeaveGroup, "webpubsub.joinLeaveGroup"),
    ] {
        if let Some(rest) = role.strip_prefix(name) {
            return Ok((permission, grant(rest)?));
        }
    }
    for (permission, name) in [
        (Permission::SetGroupState, "webpubsub.setGroupState"),
        (Permission::GetGroupState, "webpubsub.getGroupState"),
    ] {
        if let Some(rest) = role.strip_prefix(name) {
            return Ok((permission, state_grant(rest)?));
        }
    }
    Err(IgnoredRoleReason::Unknown)
}

/// Reads what follows the name of a permission: nothing, `.<group>`, or the plural's `s.<pattern>`.
fn grant(rest: &str) -> Result<Grant, IgnoredRoleReason> {
    if rest.is_empty() {
        return Ok(Grant::Everything);
    }
    // Everything after the dot of the singular is one name: `webpubsub.sendToGroup.*` means the group called `*`.
    if let Some(group) = rest.strip_prefix('.') {
        return literal(group);
    }
    pattern(rest.strip_prefix("s.").ok_or(IgnoredRoleReason::Unknown)?)
}

/// Reads what follows the name of a permission on group states: nothing, or `.<pattern>`; these roles have no plural.
fn state_grant(rest: &str) -> Result<Grant, IgnoredRoleReason> {
    if rest.is_empty() {
        return Ok(Grant::Everything);
    }
    pattern(rest.strip_prefix('.').ok_or(IgnoredRoleReason::Unknown)?)
}

fn pattern(text: &str) -> Result<Grant, IgnoredRoleReason> {
    let pattern = Pattern::parse(text)?;
    match pattern.literal() {
        Some(group) => literal(group),
        None if pattern.is_everything() => Ok(Grant::Everything),
        None => Ok(Grant::Pattern(pattern)),
    }
}

fn literal(group: &str) -> Result<Grant, IgnoredRoleReason> {
    let blank = group.chars().all(char::is_whitespace);
    if blank || group.encode_utf16().count() > GROUP_LENGTH_MAX {
        return Err(IgnoredRoleReason::GroupName);
    }
    Ok(Grant::Literal(group.to_owned()))
}
