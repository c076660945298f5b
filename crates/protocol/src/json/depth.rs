/// The deepest nesting of arrays and objects in one JSON text. The parsers of official clients stop at 64 levels: the .NET client would
/// drop its connection over a deeper message, recover, be sent the same message again, and never get past it.
pub const DEPTH_MAX: usize = 64;

/// The deepest nesting of a payload: the message that carries it to a client is one level more.
pub const DATA_DEPTH_MAX: usize = DEPTH_MAX - 1;

/// Whether a JSON text nests deeper than `depth_max`. Text that is not valid JSON gets some answer, without harm.
pub fn is_deeper(json: &[u8], depth_max: usize) -> bool {
    if json.len() <= depth_max {
        return false;
    }
    let mut depth = 0_usize;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => continue,
        }
        if depth > depth_max {
            return true;
        }
    }
    false
}

fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}
