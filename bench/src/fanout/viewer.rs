//! Somebody who follows the live trace of the service while it is measured.

use anyhow::{Context, Result, ensure};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

/// A viewer that reads whatever it is sent, until it is dropped.
pub(super) struct Viewer {
    stream: TcpStream,
}

impl Viewer {
    /// Follows everything. When this returns, the service knows that somebody does.
    pub(super) fn follow(host: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(host).context("the console cannot be reached")?;
        let request = format!("GET /console/api/trace?history=0 HTTP/1.1\r\nhost: {host}\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut start = [0; 12];
        stream.read_exact(&mut start).context("the console does not answer")?;
        ensure!(
            start.ends_with(b" 200"),
            "the console refuses a viewer: {}",
            String::from_utf8_lossy(&start)
        );
        let mut reader = stream.try_clone()?;
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            // It ends with the stream, whichever side ends it.
            while matches!(reader.read(&mut buffer), Ok(1..)) {}
        });
        Ok(Self { stream })
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        // A server that has ended has closed it already.
        let _closed = self.stream.shutdown(Shutdown::Both);
    }
}
