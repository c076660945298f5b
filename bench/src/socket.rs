//! A non-blocking socket of the generator or a reference server, with or without TLS.

use mio::net::TcpStream;
use rustls::{ClientConnection, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};

/// What a peer reads from and writes to.
pub(crate) enum Socket {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    /// The serving end of TLS.
    Serving(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Socket {
    /// What is registered with a poll.
    pub(crate) fn tcp(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &mut stream.sock,
            Self::Serving(stream) => &mut stream.sock,
        }
    }

    /// Whether a read that leaves room has taken all there is. A TLS record ends a read though others wait behind it.
    pub(crate) fn reads_all_at_once(&self) -> bool {
        matches!(self, Self::Plain(_))
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self::Plain(stream)
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
            Self::Serving(stream) => stream.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
            Self::Serving(stream) => stream.write(bytes),
        }
    }

    /// Sends what TLS has encrypted and not sent.
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(stream) => stream.flush(),
            Self::Serving(stream) => stream.flush(),
        }
    }
}
