use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{Either, Full};
use tower_service::Service;

use crate::future::ResponseFuture;
use crate::{BoxError, EventHandler, Webhook};

/// A [`Webhook`] alone: what is not for it is answered with 404.
impl<H, B> Service<Request<B>> for Webhook<H>
where
    H: EventHandler,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let webhook = self.clone();
        Box::pin(async move { Ok(webhook.handle(request).await) })
    }
}

/// A [`Webhook`] before another service, which gets what is not for the webhook: see [`WebhookLayer`](crate::WebhookLayer).
pub struct WebhookService<S, H> {
    inner: S,
    webhook: Webhook<H>,
}

impl<S, H> WebhookService<S, H> {
    /// Puts a webhook before a service.
    pub fn new(inner: S, webhook: Webhook<H>) -> Self {
        Self { inner, webhook }
    }
}

impl<S: Clone, H> Clone for WebhookService<S, H> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), webhook: self.webhook.clone() }
    }
}

impl<S: fmt::Debug, H> fmt::Debug for WebhookService<S, H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, webhook } = self;
        formatter.debug_struct("WebhookService").field("inner", inner).field("webhook", webhook).finish()
    }
}

impl<S, H, B, R> Service<Request<B>> for WebhookService<S, H>
where
    S: Service<Request<B>, Response = Response<R>>,
    H: EventHandler,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Either<Full<Bytes>, R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if !self.webhook.receives(&request) {
            return ResponseFuture::inner(self.inner.call(request));
        }
        let webhook = self.webhook.clone();
        ResponseFuture::webhook(Box::pin(async move { webhook.handle(request).await }))
    }
}
