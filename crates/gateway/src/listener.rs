use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::Error;

/// Connections that may wait to be accepted: room for all clients of a node that come back at once after an outage.
const BACKLOG: i32 = 4096;

/// Listens on an address once for each worker; the kernel spreads new sockets over the listeners.
///
/// With port 0 the first listener picks a free port and the others share it.
///
/// # Errors
/// [`Error::Listen`] if the address cannot be had.
pub fn bind(address: SocketAddr, workers: usize) -> Result<Vec<TcpListener>, Error> {
    let mut listeners: Vec<TcpListener> = Vec::with_capacity(workers);
    // Without this probe a second server on the same port would quietly share it, and take half of its clients.
    let probe = listen(address, false).map_err(|source| Error::Listen { address, source })?;
    let address = probe.local_addr()?;
    drop(probe);
    for _ in 0..workers {
        listeners.push(listen(address, true).map_err(|source| Error::Listen { address, source })?);
    }
    Ok(listeners)
}

fn listen(address: SocketAddr, shared: bool) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    if shared {
        socket.listen(BACKLOG)?;
    }
    Ok(socket.into())
}
