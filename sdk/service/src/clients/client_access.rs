//! Tokens and URLs for clients.

use super::WebPubSubServiceClient;
use crate::{
    access_key::Claims,
    hub::Credential,
    models::{
        ClientAccessToken, ClientProtocol, GeneratedToken, WebPubSubServiceClientGetClientAccessTokenOptions,
    },
    path,
};
use azure_core::{
    Result,
    http::{Method, StatusCode},
    tracing,
};
use std::time::Duration;

/// How long a token for a client is valid unless told otherwise.
const DEFAULT_MINUTES_TO_EXPIRE: u32 = 60;

impl WebPubSubServiceClient {
    /// Makes what a client needs to connect to the hub.
    ///
    /// With an access key the token is signed here, without a request. With a token credential the service makes it,
    /// by `:generateToken`.
    ///
    /// # Arguments
    ///
    /// * `options` - Who the client is and what it may do.
    #[tracing::function("WebPubSub.generateClientToken")]
    pub async fn get_client_access_token(
        &self,
        options: Option<WebPubSubServiceClientGetClientAccessTokenOptions<'_>>,
    ) -> Result<ClientAccessToken> {
        let mut options = options.unwrap_or_default();
        options.user_id.take_if(|user_id| user_id.is_empty());
        let minutes = options.minutes_to_expire.unwrap_or(DEFAULT_MINUTES_TO_EXPIRE);
        if minutes == 0 {
            return Err(path::invalid(
                "minutes_to_expire is 0; a token is valid for at least a minute".to_owned(),
            ));
        }
        options.groups.iter().try_for_each(|group| path::check_group(group))?;

        // Names of hubs have characters that a URL shows as they are, as the audience has to.
        let audience = self.hub.url(&format!("{}/{}", options.client_protocol.path(), self.hub.name()));
        let token = match &self.credential {
            Credential::Key(key) => {
                let claims = Claims {
                    audience: &audience,
                    user_id: options.user_id.as_deref(),
                    roles: &options.roles,
                    groups: &options.groups,
                };
                key.sign(&claims, Duration::from_secs(u64::from(minutes) * 60))?
            }
            Credential::Token(_) => self.generate_token(&options, minutes).await?,
        };
        // An endpoint begins with http or https; ws and wss are what follows from them.
        let base_url = audience.replacen("http", "ws", 1);
        Ok(ClientAccessToken::new(token, base_url))
    }

    async fn generate_token(
        &self,
        options: &WebPubSubServiceClientGetClientAccessTokenOptions<'_>,
        minutes: u32,
    ) -> Result<String> {
        let protocol = Some(options.client_protocol).filter(|protocol| *protocol != ClientProtocol::Default);
        let response = self
            .hub
            .operation(Method::Post, ":generateToken")
            .query("userId", options.user_id.as_ref())
            .query_each("role", &options.roles)
            .query_number("minutesToExpire", Some(minutes))
            .query_each("group", &options.groups)
            .query("clientType", protocol.map(ClientProtocol::client_type))
            .accept("application/json, text/json")
            .send(&options.method_options.context, StatusCode::Ok)
            .await?;
        let GeneratedToken { token } = serde_json::from_slice(response.body())?;
        Ok(token)
    }
}
