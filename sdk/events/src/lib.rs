#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]

// A request's way through the files:
//
//   layer, service, future      is it for the webhook? else the inner service has it
//   webhook                     one function from request to response
//   reader                      path, hub, origin (validation), signature (access_key), body
//   event                       context, and connect | user_event | notification
//   handler                     the application
//   responder                   status, headers (states, metadata, mqtt), body
//
// It must never know a runtime, a clock or a framework.

mod access_key;
mod attributes;
mod body;
mod builder;
mod connect;
mod connection_string;
mod context;
mod data;
mod error;
mod event;
mod failure;
mod future;
mod handler;
mod layer;
mod lenient;
mod metadata;
mod mqtt;
mod named_values;
mod notification;
mod origin;
mod reader;
mod rejection;
mod responder;
mod service;
mod signature;
mod states;
mod user_event;
mod validation;
mod webhook;

pub use access_key::{AccessKey, AccessKeySource};
pub use async_trait::async_trait;
pub use builder::Builder;
pub use connect::{ClientCertificate, ConnectRequest, ConnectResponse};
pub use context::{ClientProtocol, ConnectionContext, SocketIoContext};
pub use data::{Data, DataType};
pub use error::{BoxError, Error};
pub use event::Event;
pub use failure::{ConnectFailure, UserEventFailure};
pub use future::ResponseFuture;
pub use handler::EventHandler;
pub use http::StatusCode;
pub use layer::WebhookLayer;
pub use metadata::Metadata;
pub use mqtt::{
    MqttConnect, MqttConnectCode, MqttContext, MqttDisconnect, MqttDisconnectPacket,
    MqttDisconnectReasonCode, MqttPassword, MqttRejection, MqttUserProperty, MqttV311ConnectReturnCode,
    MqttV500ConnectReasonCode,
};
pub use named_values::NamedValues;
pub use notification::{ConnectedRequest, DisconnectedRequest, GroupJoinedRequest, GroupLeftRequest};
pub use reader::{EventReader, Incoming};
pub use rejection::Rejection;
pub use responder::Responder;
pub use service::WebhookService;
pub use states::States;
pub use user_event::{UserEventRequest, UserEventResponse};
pub use validation::Validation;
pub use webhook::{Notification, Webhook};
