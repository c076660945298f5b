//! The answers to REST publishes.

use anyhow::{Context, Result, bail};

/// A complete answer at the start of a read buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) consumed: usize,
}

/// Reads one answer, or `None` when it is incomplete.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<Response>> {
    let Some(head_bytes) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..head_bytes]).context("an answer's head is not text")?;
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let Some(status) = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()) else {
        bail!("not an HTTP/1.1 answer: {first:?}");
    };
    let length = lines.filter_map(|line| line.split_once(':'));
    let length =
        length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, value)| value.trim());
    let body_bytes: usize = length.last().context("an answer without a length")?.parse()?;
    let consumed = head_bytes + 4 + body_bytes;
    Ok((consumed <= bytes.len()).then_some(Response { status, consumed }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_once_its_body_is_there() {
        let bytes = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\nnoHTTP";
        assert_eq!(read(bytes).unwrap(), Some(Response { status: 401, consumed: bytes.len() - 4 }));
        assert_eq!(read(&bytes[..bytes.len() - 5]).unwrap(), None);
        assert_eq!(read(&bytes[..20]).unwrap(), None);
        assert!(read(b"HTTP/1.1 202 Accepted\r\n\r\n").is_err());
    }
}
