/// What a caller of the data plane may do who shows a token of an issuer. The names are those of the managed service's roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Nothing: its token is good, but nobody has given it a role.
    Nobody,
    /// Look: calls that change nothing.
    Reader,
    /// Everything.
    Owner,
}
