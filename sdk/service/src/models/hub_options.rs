//! Options of sending to and closing connections.

use crate::Filter;
use azure_core::{fmt::SafeDebug, http::ClientMethodOptions};
use std::collections::BTreeMap;

/// Options of [`WebPubSubServiceClient::send_to_all`](crate::WebPubSubServiceClient::send_to_all).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubServiceClientSendToAllOptions<'a> {
    /// Ids of connections that do not get the message.
    pub excluded: Vec<String>,

    /// Which connections the message is for. `None` means all.
    pub filter: Option<Filter>,

    /// Seconds after which a message that a client has not received yet is dropped, from 0 to 300. 0 and `None` mean
    /// never. It helps clients with little bandwidth.
    pub message_ttl_seconds: Option<u16>,

    /// Metadata of the message, which clients of the JSON and protobuf subprotocols receive along with it. Keys are
    /// HTTP tokens of up to 256 bytes and arrive in lower case; values are printable ASCII of up to 1024 bytes without
    /// commas; all together have 8192 bytes at most. The published description of the API does not mention it, so a
    /// service may ignore it.
    pub metadata: BTreeMap<String, String>,

    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubServiceClient::send_to_user`](crate::WebPubSubServiceClient::send_to_user).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubServiceClientSendToUserOptions<'a> {
    /// Which connections the message is for. `None` means all.
    pub filter: Option<Filter>,

    /// Seconds after which a message that a client has not received yet is dropped, from 0 to 300. 0 and `None` mean
    /// never. It helps clients with little bandwidth.
    pub message_ttl_seconds: Option<u16>,

    /// Metadata of the message, which clients of the JSON and protobuf subprotocols receive along with it. Keys are
    /// HTTP tokens of up to 256 bytes and arrive in lower case; values are printable ASCII of up to 1024 bytes without
    /// commas; all together have 8192 bytes at most. The published description of the API does not mention it, so a
    /// service may ignore it.
    pub metadata: BTreeMap<String, String>,

    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubServiceClient::send_to_connection`](crate::WebPubSubServiceClient::send_to_connection).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubServiceClientSendToConnectionOptions<'a> {
    /// Seconds after which a message that a client has not received yet is dropped, from 0 to 300. 0 and `None` mean
    /// never. It helps clients with little bandwidth.
    pub message_ttl_seconds: Option<u16>,

    /// Metadata of the message, which clients of the JSON and protobuf subprotocols receive along with it. Keys are
    /// HTTP tokens of up to 256 bytes and arrive in lower case; values are printable ASCII of up to 1024 bytes without
    /// commas; all together have 8192 bytes at most. The published description of the API does not mention it, so a
    /// service may ignore it.
    pub metadata: BTreeMap<String, String>,

    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubServiceClient::close_all_connections`](crate::WebPubSubServiceClient::close_all_connections).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubServiceClientCloseAllConnectionsOptions<'a> {
    /// Ids of connections that stay open.
    pub excluded: Vec<String>,

    /// Why, told to the clients and to event handlers.
    pub reason: Option<String>,

    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubServiceClient::close_user_connections`](crate::WebPubSubServiceClient::close_user_connections).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubServiceClientCloseUserConnectionsOptions<'a> {
    /// Ids of connections that stay open.
    pub excluded: Vec<String>,

    /// Why, told to the clients and to event handlers.
    pub reason: Option<String>,

    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubServiceClient::close_connection`](crate::WebPubSubServiceClient::close_connection).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubServiceClientCloseConnectionOptions<'a> {
    /// Why, told to the clients and to event handlers.
    pub reason: Option<String>,

    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubGroupClient::send_to_all`](crate::WebPubSubGroupClient::send_to_all).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubGroupClientSendToAllOptions<'a> {
    /// Ids of connections that do not get the message.
    pub excluded: Vec<String>,

    /// Which connections the message is for. `None` means all.
    pub filter: Option<Filter>,

    /// Seconds after which a message that a client has not received yet is dropped, from 0 to 300. 0 and `None` mean
    /// never. It helps clients with little bandwidth.
    pub message_ttl_seconds: Option<u16>,

    /// Metadata of the message, which clients of the JSON and protobuf subprotocols receive along with it. Keys are
    /// HTTP tokens of up to 256 bytes and arrive in lower case; values are printable ASCII of up to 1024 bytes without
    /// commas; all together have 8192 bytes at most. The published description of the API does not mention it, so a
    /// service may ignore it.
    pub metadata: BTreeMap<String, String>,

    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// Options of [`WebPubSubGroupClient::close_all_connections`](crate::WebPubSubGroupClient::close_all_connections).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubGroupClientCloseAllConnectionsOptions<'a> {
    /// Ids of connections that stay open.
    pub excluded: Vec<String>,

    /// Why, told to the clients and to event handlers.
    pub reason: Option<String>,

    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}
