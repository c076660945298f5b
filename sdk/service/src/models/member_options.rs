//! Options of operations that ask about or change members of groups, and of the health check.

use azure_core::{fmt::SafeDebug, http::ClientMethodOptions};

/// Options of [`WebPubSubServiceClient::connection_exists`](crate::WebPubSubServiceClient::connection_exists).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubServiceClientConnectionExistsOptions<'a> {
    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubServiceClient::group_exists`](crate::WebPubSubServiceClient::group_exists).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubServiceClientGroupExistsOptions<'a> {
    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubServiceClient::user_exists`](crate::WebPubSubServiceClient::user_exists).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubServiceClientUserExistsOptions<'a> {
    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubServiceClient::add_connections_to_groups`](crate::WebPubSubServiceClient::add_connections_to_groups).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubServiceClientAddConnectionsToGroupsOptions<'a> {
    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubServiceClient::remove_connections_from_groups`](crate::WebPubSubServiceClient::remove_connections_from_groups).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubServiceClientRemoveConnectionsFromGroupsOptions<'a> {
    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubServiceClient::remove_connection_from_all_groups`](crate::WebPubSubServiceClient::remove_connection_from_all_groups).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubServiceClientRemoveConnectionFromAllGroupsOptions<'a> {
    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubServiceClient::remove_user_from_all_groups`](crate::WebPubSubServiceClient::remove_user_from_all_groups).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubServiceClientRemoveUserFromAllGroupsOptions<'a> {
    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubServiceClient::health`](crate::WebPubSubServiceClient::health).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubServiceClientHealthOptions<'a> {
    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubGroupClient::add_connection`](crate::WebPubSubGroupClient::add_connection).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubGroupClientAddConnectionOptions<'a> {
    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubGroupClient::remove_connection`](crate::WebPubSubGroupClient::remove_connection).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubGroupClientRemoveConnectionOptions<'a> {
    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubGroupClient::add_user`](crate::WebPubSubGroupClient::add_user).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubGroupClientAddUserOptions<'a> {
    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubGroupClient::remove_user`](crate::WebPubSubGroupClient::remove_user).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubGroupClientRemoveUserOptions<'a> {
    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}
