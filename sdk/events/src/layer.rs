use std::fmt;

use tower_layer::Layer;

use crate::{Webhook, WebhookService};

/// Puts a [`Webhook`] before another service. Layers of several hubs can be put one on the other.
pub struct WebhookLayer<H>(Webhook<H>);

impl<H> WebhookLayer<H> {
    /// The layer of a webhook.
    pub fn new(webhook: Webhook<H>) -> Self {
        Self(webhook)
    }
}

impl<H> Clone for WebhookLayer<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H> fmt::Debug for WebhookLayer<H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("WebhookLayer").field(&self.0).finish()
    }
}

impl<S, H> Layer<S> for WebhookLayer<H> {
    type Service = WebhookService<S, H>;

    fn layer(&self, inner: S) -> Self::Service {
        WebhookService::new(inner, self.0.clone())
    }
}
