/// What a caller can ask for. The names are the ones of the service's `RestApiCategory` metric dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    HealthCheck,
    GenerateClientToken,
    SendToAll,
    SendToGroup,
    SendToUser,
    SendToConnection,
    CloseAllConnections,
    CloseGroupConnections,
    CloseUserConnections,
    CloseConnection,
    CheckConnectionExists,
    CheckGroupExists,
    CheckUserExists,
    ListConnectionsInGroup,
    AddConnectionToGroup,
    RemoveConnectionFromGroup,
    RemoveConnectionFromAllGroups,
    AddUserToGroup,
    RemoveUserFromGroup,
    RemoveUserFromAllGroups,
    AddConnectionsToGroups,
    RemoveConnectionsFromGroups,
    CheckPermission,
    GrantPermission,
    RevokePermission,
    /// A request that reaches no operation: an unknown path, a wrong method, or a question about what is allowed.
    Uncategorized,
}

impl Operation {
    /// Whether it takes something away, so that a strained service is better for it.
    pub(crate) fn frees(self) -> bool {
        matches!(
            self,
            Self::CloseAllConnections
                | Self::CloseGroupConnections
                | Self::CloseUserConnections
                | Self::CloseConnection
                | Self::RemoveConnectionFromGroup
                | Self::RemoveConnectionFromAllGroups
                | Self::RemoveUserFromGroup
                | Self::RemoveUserFromAllGroups
                | Self::RemoveConnectionsFromGroups
                | Self::RevokePermission
        )
    }

    /// The name that metrics show.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::HealthCheck => "HealthCheck",
            Self::GenerateClientToken => "GenerateClientToken",
            Self::SendToAll => "SendToAll",
            Self::SendToGroup => "SendToGroup",
            Self::SendToUser => "SendToUser",
            Self::SendToConnection => "SendToConnection",
            Self::CloseAllConnections => "CloseAllConnections",
            Self::CloseGroupConnections => "CloseGroupConnections",
            Self::CloseUserConnections => "CloseUserConnections",
            Self::CloseConnection => "CloseConnection",
            Self::CheckConnectionExists => "CheckConnectionExists",
            Self::CheckGroupExists => "CheckGroupExists",
            Self::CheckUserExists => "CheckUserExists",
            Self::ListConnectionsInGroup => "ListConnectionsInGroup",
            Self::AddConnectionToGroup => "AddConnectionToGroup",
            Self::RemoveConnectionFromGroup => "RemoveConnectionFromGroup",
            Self::RemoveConnectionFromAllGroups => "RemoveConnectionFromAllGroups",
            Self::AddUserToGroup => "AddUserToGroup",
            Self::RemoveUserFromGroup => "RemoveUserFromGroup",
            Self::RemoveUserFromAllGroups => "RemoveUserFromAllGroups",
            Self::AddConnectionsToGroups => "AddConnectionsToGroups",
            Self::RemoveConnectionsFromGroups => "RemoveConnectionsFromGroups",
            Self::CheckPermission => "CheckPermission",
            Self::GrantPermission => "GrantPermission",
            Self::RevokePermission => "RevokePermission",
            Self::Uncategorized => "Uncategorized",
        }
    }
}
