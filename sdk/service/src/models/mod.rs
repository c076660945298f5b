//! What operations take and give.

mod client_access;
mod error_detail;
mod group_member;
mod hub_options;
mod member_options;
mod permission;

pub use client_access::{
    ClientAccessToken, ClientProtocol, WebPubSubServiceClientGetClientAccessTokenOptions,
};
pub use error_detail::ErrorDetail;
pub use group_member::{GroupMember, ListConnectionsResult, WebPubSubGroupClientListConnectionsOptions};
pub use hub_options::*;
pub use member_options::*;
pub use permission::{
    Permission, WebPubSubServiceClientGrantPermissionOptions, WebPubSubServiceClientHasPermissionOptions,
    WebPubSubServiceClientRevokePermissionOptions,
};

pub(crate) use client_access::GeneratedToken;
