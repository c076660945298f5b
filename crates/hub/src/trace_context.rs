use std::fmt;

use crate::TraceId;

/// A place in a distributed trace (W3C Trace Context): what happens because of it is told as its child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The span in it; never 0.
    pub span_id: u64,
    /// Whether the trace is kept. Whoever began it has decided that for everybody.
    pub sampled: bool,
}

impl TraceContext {
    /// The bit of the flags that says that a trace is kept.
    const SAMPLED: u8 = 1;

    /// Reads a `traceparent` header: `version-traceid-parentid-flags`, in lower-case hexadecimal digits. A later version may append more; `None`
    /// for anything that the specification has receivers ignore.
    pub fn from_traceparent(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, id, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, digits: usize| {
            text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let well_formed = hex(version, 2) && hex(id, 32) && hex(parent, 16) && hex(flags, 2);
        let more = parts.next().is_some();
        if !well_formed || version == "ff" || (version == "00" && more) {
            return None;
        }
        let trace_id = TraceId::new(u128::from_str_radix(id, 16).ok()?)?;
        let span_id = u64::from_str_radix(parent, 16).ok().filter(|id| *id != 0)?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        Some(Self { trace_id, span_id, sampled: flags & Self::SAMPLED != 0 })
    }
}

impl fmt::Display for TraceContext {
    /// The value of a `traceparent` header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_place_in_a_trace_is_known_by_its_header() {
        let read = |header: &str| TraceContext::from_traceparent(header).map(|context| context.to_string());
        for header in [format!("00-{ID}-00f067aa0ba902b7-01"), format!("00-{ID}-00f067aa0ba902b7-00")] {
            assert_eq!(read(&header).as_deref(), Some(&*header));
        }
        let later = format!("01-{ID}-00f067aa0ba902b7-03-more");
        assert_eq!(read(&later), Some(format!("00-{ID}-00f067aa0ba902b7-01")));
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
