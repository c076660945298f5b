//! Reads the generator's publishes, whose form is known, without parsing more than that form.

use anyhow::{Context, Result};

/// One message to deliver.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Publish {
    pub(super) group: usize,
    pub(super) payload: Vec<u8>,
    pub(super) over_rest: bool,
}

/// Reads a `sendToGroup` frame.
pub(super) fn read_frame(text: &[u8]) -> Result<Publish> {
    let group = number_after(text, br#""group":"g"#).context("a publish without a group")?;
    const DATA: &[u8] = br#""data":""#;
    let start = memchr::memmem::find(text, DATA).context("a publish without data")? + DATA.len();
    // Payloads contain no quotation mark.
    let length = memchr::memchr(b'"', &text[start..]).context("a publish whose data does not end")?;
    Ok(Publish { group, payload: text[start..start + length].to_vec(), over_rest: false })
}

/// Reads a REST publish and its length; `None` while it is incomplete.
pub(super) fn read_request(bytes: &[u8]) -> Result<Option<(Publish, usize)>> {
    let Some(head_bytes) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = &bytes[..head_bytes];
    let group = number_after(head, b"/groups/g").context("a request without a group")?;
    let body_bytes = number_after(head, b"Content-Length: ").context("a request without a length")?;
    let start = head_bytes + 4;
    let Some(body) = bytes.get(start..start + body_bytes) else {
        return Ok(None);
    };
    Ok(Some((Publish { group, payload: body.to_vec(), over_rest: true }, start + body_bytes)))
}

/// The decimal number behind the first occurrence of `name`.
pub(super) fn number_after(text: &[u8], name: &[u8]) -> Option<usize> {
    let start = memchr::memmem::find(text, name)? + name.len();
    let digits = text[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&text[start..start + digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishes_over_both_paths_are_understood() {
        let text = br#"{"type":"sendToGroup","group":"g12","dataType":"text","data":"xy","ackId":1}"#;
        let publish = Publish { group: 12, payload: b"xy".to_vec(), over_rest: false };
        assert_eq!(read_frame(text).unwrap(), publish);
        let request = b"POST /api/hubs/bench/groups/g3/:send HTTP/1.1\r\nContent-Length: 2\r\n\r\nxy";
        let (publish, length) = read_request(request).unwrap().unwrap();
        assert_eq!((publish.group, &publish.payload[..], length), (3, &b"xy"[..], request.len()));
        assert_eq!(read_request(&request[..request.len() - 1]).unwrap(), None);
        assert!(read_frame(b"{}").is_err());
    }
}
