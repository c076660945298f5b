//! Operations on the permissions of a connection.

use super::WebPubSubServiceClient;
use crate::{
    models::{
        Permission, WebPubSubServiceClientGrantPermissionOptions, WebPubSubServiceClientHasPermissionOptions,
        WebPubSubServiceClientRevokePermissionOptions,
    },
    path,
};
use azure_core::{
    Result,
    http::{Method, NoFormat, Response, StatusCode},
    tracing,
};

impl WebPubSubServiceClient {
    /// Grants a permission to a connection.
    ///
    /// # Arguments
    ///
    /// * `connection_id` - The id of the connection. One that does not exist is an error.
    /// * `permission` - The permission.
    /// * `options` - The group that it is for, and optional parameters of the request.
    #[tracing::function("WebPubSub.grantPermission")]
    pub async fn grant_permission(
        &self,
        connection_id: &str,
        permission: Permission,
        options: Option<WebPubSubServiceClientGrantPermissionOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        let path = permission_path(permission, connection_id)?;
        let operation =
            self.hub.operation(Method::Put, &path).query("targetName", options.target_name.as_ref());
        Ok(operation.send(&options.method_options.context, StatusCode::Ok).await?.into())
    }

    /// Revokes a permission of a connection, also one that it has by a role. The connection stays in groups that it
    /// joined.
    ///
    /// # Arguments
    ///
    /// * `connection_id` - The id of the connection.
    /// * `permission` - The permission.
    /// * `options` - The group that it is for, and optional parameters of the request.
    #[tracing::function("WebPubSub.revokePermission")]
    pub async fn revoke_permission(
        &self,
        connection_id: &str,
        permission: Permission,
        options: Option<WebPubSubServiceClientRevokePermissionOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        let path = permission_path(permission, connection_id)?;
        let operation =
            self.hub.operation(Method::Delete, &path).query("targetName", options.target_name.as_ref());
        Ok(operation.send(&options.method_options.context, StatusCode::NoContent).await?.into())
    }

    /// Tells whether a connection has a permission. One that does not exist has none.
    ///
    /// # Arguments
    ///
    /// * `connection_id` - The id of the connection.
    /// * `permission` - The permission.
    /// * `options` - The group that it is for, and optional parameters of the request.
    #[tracing::function("WebPubSub.checkPermission")]
    pub async fn has_permission(
        &self,
        connection_id: &str,
        permission: Permission,
        options: Option<WebPubSubServiceClientHasPermissionOptions<'_>>,
    ) -> Result<bool> {
        let options = options.unwrap_or_default();
        let path = permission_path(permission, connection_id)?;
        let operation =
            self.hub.operation(Method::Head, &path).query("targetName", options.target_name.as_ref());
        operation.exists(&options.method_options.context).await
    }
}

fn permission_path(permission: Permission, connection_id: &str) -> Result<String> {
    Ok(format!("permissions/{permission}/connections/{}", path::connection_id(connection_id)?))
}
