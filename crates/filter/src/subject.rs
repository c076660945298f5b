/// What a filter may know about one connection.
///
/// Every answer must hold still during one [`Filter::matches`](crate::Filter::matches) call.
pub trait Subject {
    /// The connection's id; the field `connectionId`.
    fn connection_id(&self) -> &str;

    /// The user's id, or `None` for an anonymous connection; the field `userId`. An empty id is not `None`.
    fn user_id(&self) -> Option<&str>;

    /// The negotiated subprotocol as the client wrote it, or `None` without one; the field `protocol`.
    fn protocol(&self) -> Option<&str>;

    /// In how many groups the connection is; what `length(groups)` means.
    fn group_count(&self) -> usize;

    /// Whether the connection is in the group; what `'name' in groups` means. Names are compared exactly.
    fn in_group(&self, group: &str) -> bool;
}
