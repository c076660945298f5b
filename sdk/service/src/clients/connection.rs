//! Operations on one connection.

use super::WebPubSubServiceClient;
use crate::{
    Message,
    models::{
        WebPubSubServiceClientCloseConnectionOptions, WebPubSubServiceClientConnectionExistsOptions,
        WebPubSubServiceClientRemoveConnectionFromAllGroupsOptions,
        WebPubSubServiceClientSendToConnectionOptions,
    },
    path,
};
use azure_core::{
    Result,
    http::{Method, NoFormat, Response, StatusCode},
    tracing,
};

impl WebPubSubServiceClient {
    /// Sends a message to a connection. It succeeds also when there is no such connection.
    ///
    /// # Arguments
    ///
    /// * `connection_id` - The id of the connection.
    /// * `message` - The content; see [`Message`].
    /// * `options` - Optional parameters of the request.
    #[tracing::function("WebPubSub.sendToConnection")]
    pub async fn send_to_connection(
        &self,
        connection_id: &str,
        message: impl Into<Message>,
        options: Option<WebPubSubServiceClientSendToConnectionOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        let response = self
            .hub
            .operation(Method::Post, &format!("connections/{}/:send", path::connection_id(connection_id)?))
            .message_ttl_seconds(options.message_ttl_seconds)?
            .metadata(&options.metadata)?
            .message(message.into())
            .send(&options.method_options.context, StatusCode::Accepted)
            .await?;
        Ok(response.into())
    }

    /// Tells whether there is a connection.
    ///
    /// # Arguments
    ///
    /// * `connection_id` - The id of the connection.
    /// * `options` - Optional parameters of the request.
    #[tracing::function("WebPubSub.connectionExists")]
    pub async fn connection_exists(
        &self,
        connection_id: &str,
        options: Option<WebPubSubServiceClientConnectionExistsOptions<'_>>,
    ) -> Result<bool> {
        let options = options.unwrap_or_default();
        let path = format!("connections/{}", path::connection_id(connection_id)?);
        self.hub.operation(Method::Head, &path).exists(&options.method_options.context).await
    }

    /// Closes a connection. It succeeds also when there is no such connection.
    ///
    /// # Arguments
    ///
    /// * `connection_id` - The id of the connection.
    /// * `options` - The reason and optional parameters of the request.
    #[tracing::function("WebPubSub.closeConnection")]
    pub async fn close_connection(
        &self,
        connection_id: &str,
        options: Option<WebPubSubServiceClientCloseConnectionOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        let path = format!("connections/{}", path::connection_id(connection_id)?);
        let operation = self.hub.operation(Method::Delete, &path).query("reason", options.reason.as_ref());
        Ok(operation.send(&options.method_options.context, StatusCode::NoContent).await?.into())
    }

    /// Removes a connection from all groups that it is in.
    ///
    /// # Arguments
    ///
    /// * `connection_id` - The id of the connection.
    /// * `options` - Optional parameters of the request.
    #[tracing::function("WebPubSub.removeConnectionFromAllGroups")]
    pub async fn remove_connection_from_all_groups(
        &self,
        connection_id: &str,
        options: Option<WebPubSubServiceClientRemoveConnectionFromAllGroupsOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        let path = format!("connections/{}/groups", path::connection_id(connection_id)?);
        let operation = self.hub.operation(Method::Delete, &path);
        Ok(operation.send(&options.method_options.context, StatusCode::NoContent).await?.into())
    }
}
