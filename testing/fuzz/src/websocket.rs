use hubwire_protocol::websocket::{
    DecodeError, Decoder, DeflateWindow, Deflater, Frame, Inflater, MessageKind, Opcode, compress_frame,
    data_frame, negotiate,
};

/// What one frame said, apart from the buffer that it was read from.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    Message(MessageKind, Vec<u8>),
    Inflated(MessageKind, Result<Vec<u8>, DecodeError>),
    Fragment,
    Ping(Vec<u8>),
    Pong,
    Close(String),
    Refused(DecodeError),
}

/// The largest message that the target lets pass: small, so that the bound itself is met often.
const MESSAGE_BYTES_MAX: usize = 300;

/// A peer's bytes mean the same in whatever pieces they arrive, no message exceeds the limit, and what is framed is read back.
///
/// The first byte of the input says in which pieces the rest arrives, and whether compression was agreed on.
pub fn websocket(data: &[u8]) {
    let Some((&pieces, stream)) = data.split_first() else {
        return;
    };
    let compression = pieces & 0x80 != 0;
    let whole = read(stream, usize::MAX, compression);
    assert_eq!(whole, read(stream, 1, compression), "byte by byte the same bytes mean something else");
    assert_eq!(
        whole,
        read(stream, usize::from(pieces % 64) + 1, compression),
        "in pieces the same bytes mean something else"
    );
    for event in &whole {
        if let Event::Message(_, payload) | Event::Inflated(_, Ok(payload)) = event {
            assert!(payload.len() <= MESSAGE_BYTES_MAX, "a message of {} bytes passed", payload.len());
        }
    }
    round_trip(stream, pieces);
    compressed_round_trip(stream);
    negotiation(stream);
}

/// What the service compresses, by either window, is read back as it was.
fn compressed_round_trip(payload: &[u8]) {
    let (mut deflater, mut inflater) = (Deflater::default(), Inflater::default());
    let frame = data_frame(Opcode::Binary, payload);
    for window in [DeflateWindow::Full, DeflateWindow::Narrow] {
        let Some(compressed) = compress_frame(&frame, &mut deflater, window) else {
            continue;
        };
        let header_bytes = match compressed[1] {
            127 => 10,
            126 => 4,
            _ => 2,
        };
        let inflated = inflater.inflate(&compressed[header_bytes..], payload.len());
        assert_eq!(inflated.as_deref(), Ok(payload), "{window:?}");
    }
}

/// Whatever a client offers, in however many lines, it is answered with what it has offered, or not at all.
fn negotiation(offers: &[u8]) {
    let text = String::from_utf8_lossy(offers).to_ascii_lowercase();
    if let Some(agreement) = negotiate(text.lines()) {
        assert!(text.contains("permessage-deflate"), "an extension was agreed on that nobody offered");
        let bounded = agreement.answer.contains("server_max_window_bits");
        assert!(
            !bounded || text.contains("server_max_window_bits"),
            "a bound was agreed on that nobody offered"
        );
        assert!(bounded || agreement.window == DeflateWindow::Full, "a bound is kept that was not agreed on");
    }
}

/// Reads a stream that arrives in pieces, the way a socket's reader does: what is not whole yet waits for more, and a whole message that claims to
/// be text and is not is refused, as its pieces would have been.
fn read(stream: &[u8], piece_bytes: usize, compression: bool) -> Vec<Event> {
    let (mut decoder, mut inflater) = (Decoder::new(compression), Inflater::default());
    let mut buffer = Vec::new();
    let mut events = Vec::new();
    for piece in stream.chunks(piece_bytes) {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer, MESSAGE_BYTES_MAX) {
                Ok(Some((frame, taken))) => {
                    events.push(event(frame, &mut inflater));
                    assert!(
                        taken > 0 && taken <= buffer.len(),
                        "a frame took {taken} of {} bytes",
                        buffer.len()
                    );
                    buffer.drain(..taken);
                    if let Some(Event::Message(MessageKind::Text, text)) = events.last()
                        && str::from_utf8(text).is_err()
                    {
                        events.pop();
                        events.push(Event::Refused(DecodeError::InvalidUtf8));
                        return events;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    events.push(Event::Refused(error));
                    return events;
                }
            }
        }
    }
    events
}

fn event(frame: Frame<'_>, inflater: &mut Inflater) -> Event {
    match frame {
        Frame::Message(kind, payload) => Event::Message(kind, payload.into_owned()),
        Frame::Compressed(kind, payload) => {
            Event::Inflated(kind, inflater.inflate(&payload, MESSAGE_BYTES_MAX))
        }
        Frame::Fragment => Event::Fragment,
        Frame::Ping(payload) => Event::Ping(payload.to_vec()),
        Frame::Pong => Event::Pong,
        Frame::Close(close) => Event::Close(format!("{close:?}")),
    }
}

/// Any payload, framed and masked as a client does it, is read back as it was.
fn round_trip(payload: &[u8], mask: u8) {
    let payload = &payload[..payload.len().min(MESSAGE_BYTES_MAX)];
    let mask = [mask, !mask, 0x55, mask.rotate_left(3)];
    let mut frame = vec![0x82];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        long => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(long as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    let expected = [Event::Message(MessageKind::Binary, payload.to_vec())];
    assert_eq!(read(&frame, usize::MAX, false), expected, "a framed payload was not read back");
}
