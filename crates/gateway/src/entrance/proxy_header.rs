use std::io::{Error, ErrorKind, Result};
use std::net::IpAddr;

use proxy_header::{ParseConfig, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt};

/// PROXY protocol §2.1: how version 1 begins.
const V1_START: &[u8] = b"PROXY ";
/// PROXY protocol §2.2: how version 2 begins.
const V2_SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// PROXY protocol §2.1: the longest head of version 1.
const V1_BYTES_MAX: usize = 107;
/// PROXY protocol §2.2: signature, version, family and length of a head of version 2.
const V2_START_BYTES: usize = 16;
/// What may follow them: addresses and annotations. Enough for what proxies send, such as a client's certificate.
const V2_REST_BYTES_MAX: usize = 4_096;

/// Reads the head that a trusted proxy begins its socket with (PROXY protocol, version 1 or 2), and nothing behind it. `None` if the proxy
/// speaks for itself, or does not say for whom.
///
/// # Errors
/// If there is none, or it is longer than it may be.
pub(crate) async fn read_proxy_header(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<IpAddr>> {
    // The shortest head of version 1 is as long as what both need to be told apart.
    let mut head = vec![0; V2_SIGNATURE.len()];
    stream.read_exact(&mut head).await?;
    if head == V2_SIGNATURE {
        head.resize(V2_START_BYTES, 0);
        stream.read_exact(&mut head[V2_SIGNATURE.len()..]).await?;
        let rest_bytes = usize::from(u16::from_be_bytes([head[14], head[15]]));
        if rest_bytes > V2_REST_BYTES_MAX {
            return Err(invalid("its PROXY head is too long"));
        }
        head.resize(V2_START_BYTES + rest_bytes, 0);
        stream.read_exact(&mut head[V2_START_BYTES..]).await?;
    } else {
        while !head.ends_with(b"\r\n") {
            if head.len() >= V1_BYTES_MAX || !head.starts_with(V1_START) {
                return Err(invalid("it did not begin with a PROXY head"));
            }
            // One by one, so that nothing behind the head is taken: there are few, and only once a socket.
            head.push(stream.read_u8().await?);
        }
    }
    let (header, _) =
        ProxyHeader::parse(&head, ParseConfig { include_tlvs: false, ..ParseConfig::default() })
            .map_err(|_| invalid("its PROXY head is malformed"))?;
    Ok(header.proxied_address().map(|address| address.source.ip().to_canonical()))
}

fn invalid(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// What is read of some bytes that are all there, and how many are left.
    fn read(mut bytes: &[u8]) -> (Result<Option<IpAddr>>, usize) {
        let read = {
            let mut reading = pin!(read_proxy_header(&mut bytes));
            match reading.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(read) => read,
                Poll::Pending => unreachable!("bytes in memory are there at once"),
            }
        };
        (read, bytes.len())
    }

    fn ip(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut head = V2_SIGNATURE.to_vec();
        head.extend([command, family]);
        head.extend(u16::try_from(rest.len()).expect("it is short").to_be_bytes());
        head.extend(rest);
        head
    }

    #[test]
    fn a_client_is_known_by_either_version_and_nothing_behind_the_head_is_taken() {
        let six = "PROXY TCP6 2001:db8::1 2001:db8::2 65535 443\r\nGET /";
        let four = "PROXY TCP4 203.0.113.9 10.0.0.1 4711 80\r\nGET /";
        let mut binary = version_2(0x21, 0x11, &[203, 0, 113, 9, 10, 0, 0, 1, 0x12, 0x67, 0, 80]);
        binary.extend(b"GET /");
        for (head, client) in [
            (four.as_bytes(), ip("203.0.113.9")),
            (six.as_bytes(), ip("2001:db8::1")),
            (b"PROXY UNKNOWN\r\nGET /".as_slice(), None),
            (&binary, ip("203.0.113.9")),
        ] {
            let (read, left) = read(head);
            assert_eq!((read.expect("it is a head"), left), (client, 5));
        }
        assert_eq!(read(&version_2(0x20, 0x00, &[])).0.expect("a health check of the proxy itself"), None);
    }

    #[test]
    fn what_is_no_head_is_refused_and_never_waited_for_beyond_its_bound() {
        let long = format!("PROXY TCP4 {}\r\n", "1".repeat(200));
        for wrong in [
            b"GET / HTTP/1.1\r\n\r\n".as_slice(),
            b"PROXY TCP4 203.0.113.9\r\n",
            b"PROXY TCP4 nobody 10.0.0.1 1 2\r\n",
            long.as_bytes(),
            &version_2(0x31, 0x11, &[0; 12]),
            &version_2(0x21, 0x11, &[0; 4]),
            &version_2(0x21, 0x11, &[0; V2_REST_BYTES_MAX + 1]),
            b"",
        ] {
            assert!(read(wrong).0.is_err(), "{wrong:?}");
        }
    }
}
