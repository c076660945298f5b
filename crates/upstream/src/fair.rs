use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use tower_service::Service;

/// Reads of one connection without a pause, before the thread's other work gets a turn: 128 KiB at most. A handler that sends faster than this
/// can read would otherwise have the thread for itself.
const READS_AT_ONCE: u8 = 2;

/// Makes connections that give way to others.
#[derive(Clone)]
pub(crate) struct FairConnector<C>(pub(crate) C);

/// A connection that gives way to others.
pub(crate) struct Fair<S> {
    stream: S,
    reads: u8,
}

impl<C, S> Service<Uri> for FairConnector<C>
where
    C: Service<Uri, Response = S>,
    C::Future: Send + 'static,
{
    type Response = Fair<S>;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Fair<S>, C::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move { Ok(Fair { stream: connecting.await?, reads: 0 }) })
    }
}

impl<S: Read + Unpin> Read for Fair<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.reads >= READS_AT_ONCE {
            self.reads = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        // A read that waits is a pause, too.
        let reads = std::mem::take(&mut self.reads);
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        self.reads = reads + 1;
        Poll::Ready(read)
    }
}

impl<S: Write + Unpin> Write for Fair<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }
}

impl<S: Connection> Connection for Fair<S> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}
