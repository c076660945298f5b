use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http_body_util::{Either, Full};
use pin_project_lite::pin_project;

type Answer = Pin<Box<dyn Future<Output = Response<Full<Bytes>>> + Send>>;

pin_project! {
    /// The response of a [`WebhookService`](crate::WebhookService): the webhook's, or the inner service's.
    pub struct ResponseFuture<F> {
        #[pin]
        answering: Answering<F>,
    }
}

pin_project! {
    #[project = AnsweringProjection]
    enum Answering<F> {
        Webhook { answer: Answer },
        Inner { #[pin] future: F },
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn webhook(answer: Answer) -> Self {
        Self { answering: Answering::Webhook { answer } }
    }

    pub(crate) fn inner(future: F) -> Self {
        Self { answering: Answering::Inner { future } }
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<Either<Full<Bytes>, R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().answering.project() {
            AnsweringProjection::Webhook { answer } => {
                let response = ready!(answer.as_mut().poll(context));
                Poll::Ready(Ok(response.map(Either::Left)))
            }
            AnsweringProjection::Inner { future } => {
                let response = ready!(future.poll(context))?;
                Poll::Ready(Ok(response.map(Either::Right)))
            }
        }
    }
}
