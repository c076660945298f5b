use std::fmt;

/// The id of a distributed trace that a caller is in the middle of (W3C Trace Context), so that what happens here can be found in its own tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(u128);

impl TraceId {
    /// Reads the id from a `traceparent` header: `version-traceid-parentid-flags`, in lower-case hexadecimal digits. A later version may append
    /// more; `None` for anything that the specification has receivers ignore.
    pub fn from_traceparent(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, id, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, digits: usize| {
            text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let well_formed = hex(version, 2) && hex(id, 32) && hex(parent, 16) && hex(flags, 2);
        let more = parts.next().is_some();
        if !well_formed
            || version == "ff"
            || (version == "00" && more)
            || parent.bytes().all(|digit| digit == b'0')
        {
            return None;
        }
        u128::from_str_radix(id, 16).ok().filter(|id| *id != 0).map(Self)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_trace_is_known_by_its_header() {
        let read = |header: &str| TraceId::from_traceparent(header).map(|id| id.to_string());
        assert_eq!(read(&format!("00-{ID}-00f067aa0ba902b7-01")).as_deref(), Some(ID));
        assert_eq!(read(&format!("01-{ID}-00f067aa0ba902b7-01-more")).as_deref(), Some(ID));
        for wrong in [
            "".to_owned(),
            format!("00-{ID}-00f067aa0ba902b7"),
            format!("00-{ID}-00f067aa0ba902b7-01-more"),
            format!("ff-{ID}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", ID.to_uppercase()),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{ID}-{}-01", "0".repeat(16)),
            format!("00-{ID}x-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(read(&wrong), None, "{wrong}");
        }
    }
}
