use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::eventually::DEADLINE_MS;
use crate::frame::Frame;
use crate::response::Response;

/// A bare socket. Whatever it waits for must come within [`DEADLINE_MS`].
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    /// What has arrived and is not taken yet.
    arrived: Vec<u8>,
}

impl Wire {
    /// Connects.
    ///
    /// # Panics
    /// If the address cannot be reached.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).expect("the service takes connections"))
    }

    /// Connects with as little room for what arrives as the system allows.
    ///
    /// # Panics
    /// If the address cannot be reached.
    #[track_caller]
    pub(crate) fn narrow(address: SocketAddr) -> Self {
        let socket =
            Socket::new(Domain::for_address(address), Type::STREAM, None).expect("there are sockets");
        socket.set_recv_buffer_size(1).expect("a socket has this option");
        socket.connect(&address.into()).expect("the service takes connections");
        Self::new(socket.into())
    }

    fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a socket has this option");
        let deadline = Some(Duration::from_millis(DEADLINE_MS));
        stream.set_read_timeout(deadline).expect("a socket has this option");
        stream.set_write_timeout(deadline).expect("a socket has this option");
        Self { stream, arrived: Vec::new() }
    }

    /// Sends all of some bytes, and says whether the peer still took them.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Says that nothing more will be sent.
    pub fn finish(&self) {
        // A socket that is closed already has nothing more to send either.
        let _closed = self.stream.shutdown(Shutdown::Write);
    }

    /// Waits for more bytes. False at the end, also if it came as a reset.
    ///
    /// # Panics
    /// If nothing arrives in time.
    #[track_caller]
    fn fill(&mut self) -> bool {
        let mut buffer = [0; 64 << 10];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(read) => {
                    self.arrived.extend_from_slice(&buffer[..read]);
                    return true;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    panic!("neither bytes nor the end within {DEADLINE_MS} ms");
                }
                Err(_) => return false,
            }
        }
    }

    /// Whether something has arrived, or does before the pause is over.
    ///
    /// # Panics
    /// If the socket has no such option.
    pub fn hears_within(&mut self, pause_ms: u64) -> bool {
        let set = |pause_ms| {
            self.stream
                .set_read_timeout(Some(Duration::from_millis(pause_ms)))
                .expect("a socket has this option");
        };
        set(pause_ms);
        let heard = !matches!(
            self.stream.peek(&mut [0]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
        );
        set(DEADLINE_MS);
        heard || !self.arrived.is_empty()
    }

    /// Reads to the end, and yields all that came.
    ///
    /// # Panics
    /// If the end does not come in time.
    #[track_caller]
    pub fn read_to_end(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.arrived)
    }

    /// Reads one answer without its body.
    ///
    /// # Panics
    /// If it does not come in time.
    #[track_caller]
    pub fn read_head(&mut self) -> Response {
        loop {
            if let Some(end) = self.arrived.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.arrived.drain(..end + 4).collect();
                return Response::from_head(String::from_utf8_lossy(&head).into_owned());
            }
            if !self.fill() {
                return Response::none();
            }
        }
    }

    /// Reads one answer, whose body has an announced length if it has one at all.
    ///
    /// # Panics
    /// If it does not come in time.
    #[track_caller]
    pub fn read_response(&mut self) -> Response {
        let mut response = self.read_head();
        let length = response.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        while self.arrived.len() < length && self.fill() {}
        response.body = self.arrived.drain(..length.min(self.arrived.len())).collect();
        response
    }

    /// Reads on until a text has come, and yields all before it and the text itself.
    ///
    /// # Panics
    /// If it does not come in time, or the end comes before.
    #[track_caller]
    pub fn read_until(&mut self, mark: &str) -> String {
        loop {
            if let Some(start) = self.arrived.windows(mark.len()).position(|part| part == mark.as_bytes()) {
                let read: Vec<u8> = self.arrived.drain(..start + mark.len()).collect();
                return String::from_utf8_lossy(&read).into_owned();
            }
            assert!(self.fill(), "the end comes before {mark:?}");
        }
    }

    /// Reads one WebSocket frame; `None` at the end.
    ///
    /// # Panics
    /// If it does not come in time.
    #[track_caller]
    pub fn read_frame(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, bytes)) = Frame::decode(&self.arrived) {
                self.arrived.drain(..bytes);
                return Some(frame);
            }
            if !self.fill() {
                return None;
            }
        }
    }
}
