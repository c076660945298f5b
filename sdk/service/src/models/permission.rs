//! Permissions of connections.

use azure_core::{fmt::SafeDebug, http::ClientMethodOptions};
use std::fmt;

/// What a connection may do by itself, over a PubSub subprotocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Permission {
    /// Joining and leaving a group.
    JoinLeaveGroup,
    /// Publishing to a group.
    SendToGroup,
}

impl Permission {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JoinLeaveGroup => "joinLeaveGroup",
            Self::SendToGroup => "sendToGroup",
        }
    }

    /// The role that gives a client this permission for every group from the start.
    ///
    /// ```
    /// use webpubsub::models::Permission;
    ///
    /// assert_eq!(Permission::SendToGroup.role(), "webpubsub.sendToGroup");
    /// ```
    pub fn role(self) -> String {
        format!("webpubsub.{}", self.as_str())
    }

    /// The role that gives a client this permission for one group from the start.
    ///
    /// ```
    /// use webpubsub::models::Permission;
    ///
    /// assert_eq!(Permission::JoinLeaveGroup.role_for("room"), "webpubsub.joinLeaveGroup.room");
    /// ```
    pub fn role_for(self, group: &str) -> String {
        format!("webpubsub.{}.{group}", self.as_str())
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Options of [`WebPubSubServiceClient::grant_permission`](crate::WebPubSubServiceClient::grant_permission).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubServiceClientGrantPermissionOptions<'a> {
    /// The group that the permission is for. The service asks for it with both permissions.
    pub target_name: Option<String>,

    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubServiceClient::revoke_permission`](crate::WebPubSubServiceClient::revoke_permission).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubServiceClientRevokePermissionOptions<'a> {
    /// The group that the permission is for. The service asks for it with both permissions.
    pub target_name: Option<String>,

    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubServiceClient::has_permission`](crate::WebPubSubServiceClient::has_permission).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubServiceClientHasPermissionOptions<'a> {
    /// The group that the permission is for. The service asks for it with both permissions.
    pub target_name: Option<String>,

    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}
