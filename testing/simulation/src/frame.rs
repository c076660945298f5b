/// What a client reads: the service neither masks nor fragments.
#[derive(Debug)]
pub(crate) enum Incoming {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(u16),
}

/// Reads the service's frames from bytes that come in any pieces.
#[derive(Default)]
pub(crate) struct FrameReader(Vec<u8>);

impl FrameReader {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next whole frame, or what is wrong with it.
    pub(crate) fn next(&mut self) -> Result<Option<Incoming>, String> {
        let Some((header_bytes, payload_bytes)) = lengths(&self.0) else {
            return Ok(None);
        };
        if self.0.len() < header_bytes + payload_bytes {
            return Ok(None);
        }
        let frame: Vec<u8> = self.0.drain(..header_bytes + payload_bytes).collect();
        let payload = frame[header_bytes..].to_vec();
        match frame[0] {
            0x81 => String::from_utf8(payload).map(Incoming::Text).map_err(|error| error.to_string()),
            0x82 => Ok(Incoming::Binary(payload)),
            0x88 => close(&payload),
            0x89 => Ok(Incoming::Ping(payload)),
            0x8a => Ok(Incoming::Pong),
            first => Err(format!("a frame begins with {first:#x}")),
        }
        .map(Some)
    }
}

fn lengths(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes.get(1)? {
        short @ 0..=125 => Some((2, usize::from(short))),
        126 => Some((4, usize::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)))),
        127 => Some((10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?) as usize)),
        // A masked frame: seen as one of an impossible length, so that it is reported as a fault of the bytes that follow.
        _ => Some((2, 0)),
    }
}

fn close(payload: &[u8]) -> Result<Incoming, String> {
    let [high, low, reason @ ..] = payload else {
        return Err("a close frame without a code".into());
    };
    std::str::from_utf8(reason).map_err(|error| error.to_string())?;
    Ok(Incoming::Close(u16::from_be_bytes([*high, *low])))
}

/// Appends one masked frame.
pub(crate) fn write(out: &mut Vec<u8>, opcode: u8, payload: &[u8], mask: [u8; 4]) {
    out.push(0x80 | opcode);
    match payload.len() {
        short @ 0..=125 => out.push(0x80 | short as u8),
        medium @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    out.extend(payload.iter().enumerate().map(|(index, byte)| byte ^ mask[index % 4]));
}
