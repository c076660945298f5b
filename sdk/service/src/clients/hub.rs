//! Operations on all connections of a hub, and on the service.

use super::WebPubSubServiceClient;
use crate::{
    Filter, Message,
    models::{
        WebPubSubServiceClientAddConnectionsToGroupsOptions,
        WebPubSubServiceClientCloseAllConnectionsOptions, WebPubSubServiceClientGroupExistsOptions,
        WebPubSubServiceClientHealthOptions, WebPubSubServiceClientRemoveConnectionsFromGroupsOptions,
        WebPubSubServiceClientSendToAllOptions,
    },
    path,
};
use azure_core::{
    Result,
    http::{Context, Method, NoFormat, Response, StatusCode},
    tracing,
};
use serde::Serialize;

impl WebPubSubServiceClient {
    /// Sends a message to every connection of the hub.
    ///
    /// # Arguments
    ///
    /// * `message` - The content; see [`Message`].
    /// * `options` - Who gets it, and optional parameters of the request.
    #[tracing::function("WebPubSub.sendToAll")]
    pub async fn send_to_all(
        &self,
        message: impl Into<Message>,
        options: Option<WebPubSubServiceClientSendToAllOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        let response = self
            .hub
            .operation(Method::Post, ":send")
            .query_each("excluded", &options.excluded)
            .query("filter", options.filter.as_ref())
            .message_ttl_seconds(options.message_ttl_seconds)?
            .metadata(&options.metadata)?
            .message(message.into())
            .send(&options.method_options.context, StatusCode::Accepted)
            .await?;
        Ok(response.into())
    }

    /// Closes every connection of the hub.
    ///
    /// # Arguments
    ///
    /// * `options` - The reason, who stays, and optional parameters of the request.
    #[tracing::function("WebPubSub.closeAllConnections")]
    pub async fn close_all_connections(
        &self,
        options: Option<WebPubSubServiceClientCloseAllConnectionsOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        let response = self
            .hub
            .operation(Method::Post, ":closeConnections")
            .query_each("excluded", &options.excluded)
            .query("reason", options.reason.as_ref())
            .send(&options.method_options.context, StatusCode::NoContent)
            .await?;
        Ok(response.into())
    }

    /// Adds the connections that match a filter to groups. Connections that come later are not added.
    ///
    /// # Arguments
    ///
    /// * `groups` - The names of the groups, at least one.
    /// * `filter` - Which connections; an empty filter means every connection of the hub.
    /// * `options` - Optional parameters of the request.
    #[tracing::function("WebPubSub.addConnectionsToGroups")]
    pub async fn add_connections_to_groups<G: AsRef<str>>(
        &self,
        groups: &[G],
        filter: impl Into<Filter>,
        options: Option<WebPubSubServiceClientAddConnectionsToGroupsOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        self.change_groups(":addToGroups", groups, &filter.into(), &options.method_options.context).await
    }

    /// Removes the connections that match a filter from groups.
    ///
    /// # Arguments
    ///
    /// * `groups` - The names of the groups, at least one.
    /// * `filter` - Which connections; an empty filter means every connection of the hub.
    /// * `options` - Optional parameters of the request.
    #[tracing::function("WebPubSub.removeConnectionsFromGroups")]
    pub async fn remove_connections_from_groups<G: AsRef<str>>(
        &self,
        groups: &[G],
        filter: impl Into<Filter>,
        options: Option<WebPubSubServiceClientRemoveConnectionsFromGroupsOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        self.change_groups(":removeFromGroups", groups, &filter.into(), &options.method_options.context).await
    }

    async fn change_groups<G: AsRef<str>>(
        &self,
        path: &str,
        groups: &[G],
        filter: &Filter,
        context: &Context<'_>,
    ) -> Result<Response<(), NoFormat>> {
        #[derive(Serialize)]
        struct Body<'a> {
            groups: Vec<&'a str>,
            filter: &'a str,
        }

        if groups.is_empty() {
            return Err(path::invalid("there is no group in the list of groups".to_owned()));
        }
        groups.iter().try_for_each(|group| path::check_group(group.as_ref()))?;
        let body = Body { groups: groups.iter().map(AsRef::as_ref).collect(), filter: filter.as_str() };
        let operation = self.hub.operation(Method::Post, path).json(&body)?;
        Ok(operation.send(context, StatusCode::Ok).await?.into())
    }

    /// Tells whether a group has any connection.
    ///
    /// # Arguments
    ///
    /// * `group` - The name of the group.
    /// * `options` - Optional parameters of the request.
    #[tracing::function("WebPubSub.groupExists")]
    pub async fn group_exists(
        &self,
        group: &str,
        options: Option<WebPubSubServiceClientGroupExistsOptions<'_>>,
    ) -> Result<bool> {
        let options = options.unwrap_or_default();
        let path = format!("groups/{}", path::group(group)?);
        self.hub.operation(Method::Head, &path).exists(&options.method_options.context).await
    }

    /// Succeeds when the service answers that it is healthy.
    ///
    /// # Arguments
    ///
    /// * `options` - Optional parameters of the request.
    #[tracing::function("WebPubSub.getServiceStatus")]
    pub async fn health(
        &self,
        options: Option<WebPubSubServiceClientHealthOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        let operation = self.hub.service_operation(Method::Head, "api/health");
        Ok(operation.send(&options.method_options.context, StatusCode::Ok).await?.into())
    }
}
