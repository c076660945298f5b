use std::io::{ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::oneshot;

use crate::Limits;

/// A socket while HTTP is spoken on it. If that ends before its peer does, and the service has answered, it comes back to be closed by [`linger`];
/// one that is upgraded is taken out for good.
pub(crate) struct Lent<S> {
    /// There until it is taken out or comes back.
    stream: Option<S>,
    /// The service has said something, and the peer has not ended its side: there may be an answer that it has yet to read.
    answered: bool,
    back: Option<oneshot::Sender<S>>,
}

/// Lends a socket out. What comes out of the receiver when the [`Lent`] is gone wants to be closed by [`linger`].
pub(crate) fn lend<S>(stream: S) -> (Lent<S>, oneshot::Receiver<S>) {
    let (back, returned) = oneshot::channel();
    (Lent { stream: Some(stream), answered: false, back: Some(back) }, returned)
}

/// Closes a socket on which the service has the last word, so that its peer gets to read it: a socket that is closed with unread input, or that more
/// input comes to, is reset, and a reset takes back what has not been read. So only the way to the peer ends here, and what it still sends is
/// dropped, until it closes or has had its time ([`Limits::linger_timeout_ms`]) or its bytes ([`Limits::linger_bytes_max`]).
pub(crate) async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin, limits: &Limits) {
    let bytes_max = limits.linger_bytes_max;
    let closed = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut (&mut stream).take(bytes_max), &mut tokio::io::sink()).await
    };
    let bound = match tokio::time::timeout(Duration::from_millis(limits.linger_timeout_ms), closed).await {
        // The peer has closed, or is gone.
        Ok(Err(_)) => return,
        Ok(Ok(bytes)) if bytes < bytes_max => return,
        Ok(Ok(_)) => "linger_bytes_max",
        Err(_) => "linger_timeout_ms",
    };
    count_hasty_close(bound);
}

/// Counts a socket that is closed although its peer may not have read the last words.
pub(crate) fn count_hasty_close(bound: &'static str) {
    metrics::counter!("webpubsub_hasty_closes_total", "limit" => bound).increment(1);
}

impl<S> Lent<S> {
    /// Takes the socket out; it will not come back.
    pub(crate) fn into_inner(mut self) -> Option<S> {
        self.stream.take()
    }
}

impl<S: Unpin> Lent<S> {
    fn poll<T>(&mut self, poll: impl FnOnce(Pin<&mut S>) -> Poll<Result<T>>) -> Poll<Result<T>> {
        match &mut self.stream {
            Some(stream) => poll(Pin::new(stream)),
            None => Poll::Ready(Err(ErrorKind::NotConnected.into())),
        }
    }

    /// Notes what a write came to.
    fn wrote(&mut self, written: Poll<Result<usize>>) -> Poll<Result<usize>> {
        self.answered |= matches!(written, Poll::Ready(Ok(1..)));
        written
    }
}

impl<S> Drop for Lent<S> {
    fn drop(&mut self) {
        if let (true, Some(stream), Some(back)) = (self.answered, self.stream.take(), self.back.take()) {
            // Nobody waits for a socket whose connection is over for another reason.
            let _unwanted = back.send(stream);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lent<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let (held, room) = (buffer.filled().len(), buffer.remaining());
        let read = self.poll(|stream| stream.poll_read(context, buffer));
        // A peer that has ended its side sends nothing more that could reset the socket.
        if read.is_ready() && room > 0 && buffer.filled().len() == held {
            self.answered = false;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lent<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = self.poll(|stream| stream.poll_write(context, bytes));
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = self.poll(|stream| stream.poll_write_vectored(context, pieces));
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll(|stream| stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll(|stream| stream.poll_shutdown(context))
    }
}
