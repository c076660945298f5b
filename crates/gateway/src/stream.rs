use std::io::{Error, ErrorKind, IoSlice, Read, Result, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use rustls::ServerConnection;

/// How much plain text may wait, encrypted, for a socket that takes no more; beyond it nothing is taken from the outbox. Room for a few records of
/// 16 KiB, so that a write that fits is one.
const UNSENT_BYTES_MAX: usize = 64 << 10;

/// A client's socket after its handshake: as it is, with TLS on it, or a stream among others of one HTTP/2 connection.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
    /// Our end of a pair; at the other one a task passes everything on to the HTTP/2 connection, which only its own library can write to.
    Tunnel(UnixStream),
}

/// A socket and the TLS session on it.
pub(crate) struct TlsStream {
    tcp: TcpStream,
    session: ServerConnection,
    /// What ended the reading side; told when all that came before has been read.
    end: Option<Result<()>>,
}

impl Stream {
    pub(crate) fn tls(tcp: TcpStream, mut session: ServerConnection) -> Self {
        session.set_buffer_limit(Some(UNSENT_BYTES_MAX));
        Self::Tls(Box::new(TlsStream { tcp, session, end: None }))
    }

    /// The socket itself, to be watched.
    pub(crate) fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => &mut tls.tcp,
            Self::Tunnel(tunnel) => tunnel,
        }
    }

    /// Reads what is there. Less than the buffer takes means that the socket has been emptied, unless [`Stream::has_more`].
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
            Self::Tunnel(tunnel) => tunnel.read(buffer),
        }
    }

    /// Whether another read has something to tell, although the last one was short.
    pub(crate) fn has_more(&self) -> bool {
        matches!(self, Self::Tls(tls) if tls.end.is_some())
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            Self::Tls(tls) => tls.write(|session| session.writer().write(bytes)),
            Self::Tunnel(tunnel) => tunnel.write(bytes),
        }
    }

    pub(crate) fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write_vectored(pieces),
            Self::Tls(tls) => tls.write(|session| session.writer().write_vectored(pieces)),
            Self::Tunnel(tunnel) => tunnel.write_vectored(pieces),
        }
    }

    /// Tells the peer that nothing more comes; what it still sends can be read. A socket that is gone has been told.
    pub(crate) fn finish(&mut self) {
        if let Self::Tls(tls) = self {
            tls.session.send_close_notify();
            let _untold = tls.push();
        }
        let _gone = match self {
            Self::Plain(tcp) => tcp.shutdown(Shutdown::Write),
            Self::Tls(tls) => tls.tcp.shutdown(Shutdown::Write),
            Self::Tunnel(tunnel) => tunnel.shutdown(Shutdown::Write),
        };
    }

    /// Hands the kernel what has been written and waits; [`ErrorKind::WouldBlock`] if it does not take all of it.
    pub(crate) fn flush(&mut self) -> Result<()> {
        match self {
            Self::Plain(_) | Self::Tunnel(_) => Ok(()),
            Self::Tls(tls) => tls.push(),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Plain(tcp) => tcp.as_fd(),
            Self::Tls(tls) => tls.tcp.as_fd(),
            Self::Tunnel(tunnel) => tunnel.as_fd(),
        }
    }
}

impl TlsStream {
    /// Fills the buffer as far as the socket has something: its events are edges, so nothing may stay in it unseen.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.session.reader().read(&mut buffer[filled..]) {
                // The peer has said goodbye.
                Ok(0) => self.end = Some(Ok(())),
                Ok(read) => {
                    filled += read;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => match self.receive() {
                    Ok(()) => continue,
                    Err(error) if error.kind() == ErrorKind::WouldBlock && filled == 0 => return Err(error),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => self.end = Some(Err(error)),
                },
                Err(error) => self.end = Some(Err(error)),
            }
            break;
        }
        match self.end.take_if(|_| filled == 0) {
            Some(end) => end.map(|()| 0),
            None => Ok(filled),
        }
    }

    /// Takes what the socket has into the session, once.
    fn receive(&mut self) -> Result<()> {
        if self.session.read_tls(&mut self.tcp)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let processed = self.session.process_new_packets().map_err(Error::other);
        // An alert, a new key: the peer may want an answer. If the socket does not take it now, it goes out with the next write.
        match self.push() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        processed.map(drop)
    }

    fn write(&mut self, take: impl FnOnce(&mut ServerConnection) -> Result<usize>) -> Result<usize> {
        self.push()?;
        let taken = take(&mut self.session)?;
        match self.push() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(taken),
        }
    }

    /// Gives the socket what is encrypted.
    fn push(&mut self) -> Result<()> {
        while self.session.wants_write() {
            self.session.write_tls(&mut self.tcp)?;
        }
        Ok(())
    }
}

impl Drop for TlsStream {
    /// Says goodbye, so that the peer can tell an end from a cut. A socket that does not take it is closed without.
    fn drop(&mut self) {
        self.session.send_close_notify();
        let _untold = self.push();
    }
}
