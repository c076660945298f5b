//! Operations on the connections of one user.

use super::WebPubSubServiceClient;
use crate::{
    Message,
    models::{
        WebPubSubServiceClientCloseUserConnectionsOptions,
        WebPubSubServiceClientRemoveUserFromAllGroupsOptions, WebPubSubServiceClientSendToUserOptions,
        WebPubSubServiceClientUserExistsOptions,
    },
    path,
};
use azure_core::{
    Result,
    http::{Method, NoFormat, Response, StatusCode},
    tracing,
};

impl WebPubSubServiceClient {
    /// Sends a message to every connection of a user. It succeeds also when the user has none.
    ///
    /// # Arguments
    ///
    /// * `user_id` - The id of the user.
    /// * `message` - The content; see [`Message`].
    /// * `options` - Which connections get it, and optional parameters of the request.
    #[tracing::function("WebPubSub.sendToUser")]
    pub async fn send_to_user(
        &self,
        user_id: &str,
        message: impl Into<Message>,
        options: Option<WebPubSubServiceClientSendToUserOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        let response = self
            .hub
            .operation(Method::Post, &format!("users/{}/:send", path::user_id(user_id)?))
            .query("filter", options.filter.as_ref())
            .message_ttl_seconds(options.message_ttl_seconds)?
            .metadata(&options.metadata)?
            .message(message.into())
            .send(&options.method_options.context, StatusCode::Accepted)
            .await?;
        Ok(response.into())
    }

    /// Tells whether a user has any connection.
    ///
    /// # Arguments
    ///
    /// * `user_id` - The id of the user.
    /// * `options` - Optional parameters of the request.
    #[tracing::function("WebPubSub.userExists")]
    pub async fn user_exists(
        &self,
        user_id: &str,
        options: Option<WebPubSubServiceClientUserExistsOptions<'_>>,
    ) -> Result<bool> {
        let options = options.unwrap_or_default();
        let path = format!("users/{}", path::user_id(user_id)?);
        self.hub.operation(Method::Head, &path).exists(&options.method_options.context).await
    }

    /// Closes every connection of a user.
    ///
    /// # Arguments
    ///
    /// * `user_id` - The id of the user.
    /// * `options` - The reason, who stays, and optional parameters of the request.
    #[tracing::function("WebPubSub.closeUserConnections")]
    pub async fn close_user_connections(
        &self,
        user_id: &str,
        options: Option<WebPubSubServiceClientCloseUserConnectionsOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        let response = self
            .hub
            .operation(Method::Post, &format!("users/{}/:closeConnections", path::user_id(user_id)?))
            .query_each("excluded", &options.excluded)
            .query("reason", options.reason.as_ref())
            .send(&options.method_options.context, StatusCode::NoContent)
            .await?;
        Ok(response.into())
    }

    /// Removes every connection of a user from all groups that it is in.
    ///
    /// # Arguments
    ///
    /// * `user_id` - The id of the user.
    /// * `options` - Optional parameters of the request.
    #[tracing::function("WebPubSub.removeUserFromAllGroups")]
    pub async fn remove_user_from_all_groups(
        &self,
        user_id: &str,
        options: Option<WebPubSubServiceClientRemoveUserFromAllGroupsOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        let path = format!("users/{}/groups", path::user_id(user_id)?);
        let operation = self.hub.operation(Method::Delete, &path);
        Ok(operation.send(&options.method_options.context, StatusCode::NoContent).await?.into())
    }
}
