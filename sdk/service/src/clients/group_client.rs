//! The client of a group.

use crate::{
    Message,
    hub::Hub,
    models::{
        ListConnectionsResult, WebPubSubGroupClientAddConnectionOptions, WebPubSubGroupClientAddUserOptions,
        WebPubSubGroupClientCloseAllConnectionsOptions, WebPubSubGroupClientListConnectionsOptions,
        WebPubSubGroupClientRemoveConnectionOptions, WebPubSubGroupClientRemoveUserOptions,
        WebPubSubGroupClientSendToAllOptions,
    },
    operation, path,
};
use azure_core::{
    Result,
    http::{
        Context, Method, NoFormat, Pager, Response, StatusCode, Url,
        pager::{PagerContinuation, PagerResult, PagerState},
    },
    tracing,
};
use std::{fmt, sync::Arc};

/// The most members of a page.
const PAGE_SIZE_MAX: u32 = 200;
/// The most members of a listing; the service counts in 32 bits with a sign.
const TOP_MAX: u32 = i32::MAX.unsigned_abs();

/// Publishes to and manages one group of a hub; made by
/// [`WebPubSubServiceClient::group`](crate::WebPubSubServiceClient::group).
#[tracing::client]
#[derive(Clone)]
pub struct WebPubSubGroupClient {
    pub(super) hub: Arc<Hub>,
    pub(super) group: String,
}

impl WebPubSubGroupClient {
    /// The name of the group.
    pub fn group_name(&self) -> &str {
        &self.group
    }

    /// The name of the hub.
    pub fn hub_name(&self) -> &str {
        self.hub.name()
    }

    /// The endpoint of the service.
    pub fn endpoint(&self) -> &Url {
        self.hub.endpoint()
    }

    /// Sends a message to every connection in the group.
    ///
    /// # Arguments
    ///
    /// * `message` - The content; see [`Message`].
    /// * `options` - Who gets it, and optional parameters of the request.
    #[tracing::function("WebPubSub.sendToGroup")]
    pub async fn send_to_all(
        &self,
        message: impl Into<Message>,
        options: Option<WebPubSubGroupClientSendToAllOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        let response = self
            .hub
            .operation(Method::Post, &self.path("/:send")?)
            .query_each("excluded", &options.excluded)
            .query("filter", options.filter.as_ref())
            .message_ttl_seconds(options.message_ttl_seconds)?
            .metadata(&options.metadata)?
            .message(message.into())
            .send(&options.method_options.context, StatusCode::Accepted)
            .await?;
        Ok(response.into())
    }

    /// Closes every connection in the group.
    ///
    /// # Arguments
    ///
    /// * `options` - The reason, who stays, and optional parameters of the request.
    #[tracing::function("WebPubSub.closeGroupConnections")]
    pub async fn close_all_connections(
        &self,
        options: Option<WebPubSubGroupClientCloseAllConnectionsOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        let response = self
            .hub
            .operation(Method::Post, &self.path("/:closeConnections")?)
            .query_each("excluded", &options.excluded)
            .query("reason", options.reason.as_ref())
            .send(&options.method_options.context, StatusCode::NoContent)
            .await?;
        Ok(response.into())
    }

    /// Adds a connection to the group.
    ///
    /// # Arguments
    ///
    /// * `connection_id` - The id of the connection. One that does not exist is an error.
    /// * `options` - Optional parameters of the request.
    #[tracing::function("WebPubSub.addConnectionToGroup")]
    pub async fn add_connection(
        &self,
        connection_id: &str,
        options: Option<WebPubSubGroupClientAddConnectionOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        let path = self.path(&format!("/connections/{}", path::connection_id(connection_id)?))?;
        self.change(Method::Put, &path, &options.method_options.context, StatusCode::Ok).await
    }

    /// Removes a connection from the group.
    ///
    /// # Arguments
    ///
    /// * `connection_id` - The id of the connection.
    /// * `options` - Optional parameters of the request.
    #[tracing::function("WebPubSub.removeConnectionFromGroup")]
    pub async fn remove_connection(
        &self,
        connection_id: &str,
        options: Option<WebPubSubGroupClientRemoveConnectionOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        let path = self.path(&format!("/connections/{}", path::connection_id(connection_id)?))?;
        self.change(Method::Delete, &path, &options.method_options.context, StatusCode::NoContent).await
    }

    /// Adds the connections that a user has now to the group. Connections that come later are not added.
    ///
    /// # Arguments
    ///
    /// * `user_id` - The id of the user.
    /// * `options` - Optional parameters of the request.
    #[tracing::function("WebPubSub.addUserToGroup")]
    pub async fn add_user(
        &self,
        user_id: &str,
        options: Option<WebPubSubGroupClientAddUserOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        let path = format!("users/{}/{}", path::user_id(user_id)?, self.path("")?);
        self.change(Method::Put, &path, &options.method_options.context, StatusCode::Ok).await
    }

    /// Removes every connection of a user from the group.
    ///
    /// # Arguments
    ///
    /// * `user_id` - The id of the user.
    /// * `options` - Optional parameters of the request.
    #[tracing::function("WebPubSub.removeUserFromGroup")]
    pub async fn remove_user(
        &self,
        user_id: &str,
        options: Option<WebPubSubGroupClientRemoveUserOptions<'_>>,
    ) -> Result<Response<(), NoFormat>> {
        let options = options.unwrap_or_default();
        let path = format!("users/{}/{}", path::user_id(user_id)?, self.path("")?);
        self.change(Method::Delete, &path, &options.method_options.context, StatusCode::NoContent).await
    }

    /// Lists the connections in the group, ordered by their ids. Pages are requested as the list is read.
    ///
    /// ```no_run
    /// use futures_util::TryStreamExt;
    ///
    /// # async fn example(client: webpubsub::WebPubSubServiceClient) -> azure_core::Result<()> {
    /// let mut members = client.group("room").list_connections(None)?;
    /// while let Some(member) = members.try_next().await? {
    ///     println!("{} {:?}", member.connection_id, member.user_id);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// [`into_pages`](azure_core::http::ItemIterator::into_pages) gives whole pages with their raw responses.
    ///
    /// # Arguments
    ///
    /// * `options` - The size of pages, how many in all, where to begin.
    #[tracing::function("WebPubSub.listConnectionsInGroup")]
    pub fn list_connections(
        &self,
        options: Option<WebPubSubGroupClientListConnectionsOptions<'_>>,
    ) -> Result<Pager<ListConnectionsResult>> {
        let options = options.unwrap_or_default().into_owned();
        let first_page = |token: Option<&str>| {
            self.hub
                .operation(Method::Get, &self.path("/connections")?)
                .query_count("maxpagesize", options.max_page_size, PAGE_SIZE_MAX)?
                .query_count("top", options.top, TOP_MAX)?
                .query("continuationToken", token)
                .into_url()
        };
        let url = first_page(match &options.method_options.continuation {
            Some(PagerContinuation::Token(token)) => Some(token),
            _ => options.continuation_token.as_deref(),
        })?;
        let hub = self.hub.clone();
        Ok(Pager::new(
            move |state, pager_options| {
                let hub = hub.clone();
                let url = match state {
                    PagerState::More(PagerContinuation::Link(link)) => hub.follow(&link),
                    _ => url.clone(),
                };
                Box::pin(async move { page(&hub, &pager_options.context, url).await })
            },
            Some(options.method_options),
        ))
    }

    /// The path of something in the group, relative to the hub.
    fn path(&self, rest: &str) -> Result<String> {
        Ok(format!("groups/{}{rest}", path::group(&self.group)?))
    }

    async fn change(
        &self,
        method: Method,
        path: &str,
        context: &Context<'_>,
        success: StatusCode,
    ) -> Result<Response<(), NoFormat>> {
        Ok(self.hub.operation(method, path).send(context, success).await?.into())
    }
}

async fn page(
    hub: &Hub,
    context: &Context<'_>,
    url: Url,
) -> Result<PagerResult<Response<ListConnectionsResult>>> {
    let response = operation::get(hub, context, url.clone()).await?;
    let page: ListConnectionsResult = serde_json::from_slice(response.body())?;
    let response = response.into();
    Ok(match page.next_link.filter(|link| !link.is_empty()) {
        Some(link) => PagerResult::More { response, continuation: PagerContinuation::Link(url.join(&link)?) },
        None => PagerResult::Done { response },
    })
}

impl fmt::Debug for WebPubSubGroupClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebPubSubGroupClient")
            .field("endpoint", &self.hub.endpoint().as_str())
            .field("hub", &self.hub.name())
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}
