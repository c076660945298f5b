//! WebSocket frames as RFC 6455 has them, and every way in which a peer can break its rules.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use hubwire_protocol::codes::Close;
use hubwire_protocol::websocket::{
    CloseFrame, DecodeError, Decoder, Frame, FrameBuilder, MessageKind, Opcode, close_frame, control_frame,
    data_frame, is_valid_close_code,
};
use proptest::prelude::*;

const LIMIT: usize = 1 << 20;
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame that owns its payload, so that many can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Message(MessageKind, Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(CloseFrame),
}

fn masked(first: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..=125 => frame.push(0x80 | short as u8),
        medium @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().enumerate().map(|(index, byte)| byte ^ mask[index % 4]));
    frame
}

/// Decodes everything that can be decoded, and gives back the bytes that are left.
fn decode_some(decoder: &mut Decoder, input: &mut Vec<u8>, seen: &mut Vec<Seen>) -> Result<(), DecodeError> {
    let mut taken = 0;
    while let Some((frame, bytes)) = decoder.decode(&mut input[taken..], LIMIT)? {
        taken += bytes;
        match frame {
            Frame::Message(kind, payload) => seen.push(Seen::Message(kind, payload.into_owned())),
            Frame::Ping(payload) => seen.push(Seen::Ping(payload.to_vec())),
            Frame::Pong => seen.push(Seen::Pong),
            Frame::Close(close) => seen.push(Seen::Close(close)),
            Frame::Fragment => {}
            Frame::Compressed(..) => unreachable!("nobody has agreed on compression"),
        }
    }
    input.drain(..taken);
    Ok(())
}

fn decode_all(bytes: &[u8]) -> Result<Vec<Seen>, DecodeError> {
    let (mut input, mut seen) = (bytes.to_vec(), Vec::new());
    decode_some(&mut Decoder::default(), &mut input, &mut seen)?;
    assert!(input.is_empty(), "{} bytes are left", input.len());
    Ok(seen)
}

fn refusal(bytes: &[u8]) -> DecodeError {
    decode_all(bytes).unwrap_err()
}

fn text(payload: &str) -> Seen {
    Seen::Message(MessageKind::Text, payload.into())
}

#[test]
fn the_examples_of_rfc_6455_are_read() {
    let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(decode_all(&hello).unwrap(), [text("Hello")]);
    let ping = [0x89, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(decode_all(&ping).unwrap(), [Seen::Ping(b"Hello".to_vec())]);
    let pong = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(decode_all(&pong).unwrap(), [Seen::Pong]);
    let fragmented = [masked(0x01, b"Hel", MASK), masked(0x80, b"lo", MASK)].concat();
    assert_eq!(decode_all(&fragmented).unwrap(), [text("Hello")]);
    for length in [256, 65_536] {
        let payload: Vec<u8> = (0..length).map(|index| index as u8).collect();
        assert_eq!(
            decode_all(&masked(0x82, &payload, MASK)).unwrap(),
            [Seen::Message(MessageKind::Binary, payload)]
        );
    }
}

#[test]
fn the_examples_of_rfc_6455_are_written() {
    assert_eq!(data_frame(Opcode::Text, b"Hello")[..], [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
    assert_eq!(control_frame(Opcode::Ping, b"Hello")[..], [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
    assert_eq!(data_frame(Opcode::Binary, &[0; 256])[..4], [0x82, 0x7e, 0x01, 0x00]);
    assert_eq!(data_frame(Opcode::Binary, &[0; 65_536])[..10], [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
}

#[test]
fn headers_are_as_short_as_they_can_be() {
    for (length, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
        let mut builder = FrameBuilder::with_capacity(0);
        builder.payload().extend(vec![b'x'; length]);
        let frame = builder.finish(Opcode::Text);
        assert_eq!(frame.len(), header + length, "{length}");
        assert_eq!(frame, data_frame(Opcode::Text, &vec![b'x'; length]), "{length}");
    }
}

#[test]
fn control_frames_may_stand_between_fragments() {
    let frames = [
        masked(0x01, b"a", MASK),
        masked(0x89, b"p", MASK),
        masked(0x00, b"", MASK),
        masked(0x80, b"b", MASK),
    ];
    assert_eq!(decode_all(&frames.concat()).unwrap(), [Seen::Ping(b"p".to_vec()), text("ab")]);
}

#[test]
fn broken_rules_are_protocol_errors() {
    let fragment = masked(0x01, b"a", MASK);
    let cases = [
        ("reserved bit 1", masked(0xc1, b"a", MASK)),
        ("reserved bit 2", masked(0xa1, b"a", MASK)),
        ("reserved bit 3", masked(0x91, b"a", MASK)),
        ("unmasked", vec![0x81, 0x01, b'a']),
        ("continuation of nothing", masked(0x80, b"a", MASK)),
        ("text within a message", [fragment.clone(), masked(0x81, b"b", MASK)].concat()),
        ("binary within a message", [fragment, masked(0x02, b"b", MASK)].concat()),
        ("fragmented ping", masked(0x09, b"", MASK)),
        ("fragmented close", masked(0x08, b"", MASK)),
        ("long ping", masked(0x89, &[0; 126], MASK)),
        ("16 bits for 125 bytes", [&[0x82, 0xfe, 0, 125][..], &[0; 129]].concat()),
        ("64 bits for 65535 bytes", [&[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff][..], &[0; 65_539]].concat()),
        ("the highest bit of 64", [&[0x82, 0xff, 0x80][..], &[0; 11]].concat()),
        ("half a close code", masked(0x88, &[3], MASK)),
    ];
    for (case, bytes) in cases {
        assert!(matches!(refusal(&bytes), DecodeError::Protocol(_)), "{case}");
    }
    for opcode in [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        assert!(
            matches!(refusal(&masked(0x80 | opcode, b"", MASK)), DecodeError::Protocol(_)),
            "opcode {opcode}"
        );
    }
}

#[test]
fn a_message_may_be_as_long_as_the_limit_and_no_longer() {
    let decode =
        |frames: &[u8]| Decoder::default().decode(&mut frames.to_vec(), 300).map(|frame| frame.is_some());
    assert_eq!(decode(&masked(0x82, &[0; 300], MASK)), Ok(true));
    assert_eq!(decode(&masked(0x82, &[0; 301], MASK)), Err(DecodeError::TooLarge));
    // The header is enough: nobody has to hold the payload first.
    assert_eq!(decode(&masked(0x82, &[0; 301], MASK)[..8]), Err(DecodeError::TooLarge));
    assert_eq!(
        decode(&[0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
        Err(DecodeError::TooLarge)
    );
}

#[test]
fn the_limit_counts_all_fragments_of_a_message_and_no_control_frames() {
    let mut decoder = Decoder::default();
    decoder.decode(&mut masked(0x02, &[0; 200], MASK), 300).unwrap();
    assert!(decoder.decode(&mut masked(0x89, &[0; 125], MASK), 300).unwrap().is_some());
    assert_eq!(decoder.decode(&mut masked(0x80, &[0; 101], MASK), 300), Err(DecodeError::TooLarge));
    let (frame, _) = decoder
        .decode(&mut masked(0x80, &[0; 100], MASK), 300)
        .unwrap()
        .map(|(f, b)| (format!("{f:?}"), b))
        .unwrap();
    assert!(frame.starts_with("Message(Binary"));
    // The next message starts from nothing.
    assert!(decoder.decode(&mut masked(0x82, &[0; 300], MASK), 300).unwrap().is_some());
}

#[test]
fn close_frames_carry_a_code_and_a_reason_or_nothing() {
    let close = |code, reason: &str| Seen::Close(CloseFrame { code, reason: reason.into() });
    assert_eq!(decode_all(&masked(0x88, b"", MASK)).unwrap(), [close(None, "")]);
    assert_eq!(decode_all(&masked(0x88, &[0x03, 0xe8], MASK)).unwrap(), [close(Some(1000), "")]);
    assert_eq!(decode_all(&masked(0x88, b"\x03\xe9bye", MASK)).unwrap(), [close(Some(1001), "bye")]);
    assert_eq!(refusal(&masked(0x88, b"\x03\xe8\xff", MASK)), DecodeError::InvalidUtf8);
    assert!(matches!(refusal(&masked(0x88, &1005_u16.to_be_bytes(), MASK)), DecodeError::Protocol(_)));
}

#[test]
fn only_registered_and_private_close_codes_may_be_sent() {
    let valid: Vec<u16> = (0..=u16::MAX).filter(|code| is_valid_close_code(*code)).collect();
    let expected: Vec<u16> = (1000..=1003).chain(1007..=1014).chain(3000..=4999).collect();
    assert_eq!(valid, expected);
}

#[test]
fn a_close_reason_is_cut_at_a_character() {
    assert_eq!(close_frame(&Close::NORMAL)[..], [0x88, 2, 0x03, 0xe8]);
    let frame = close_frame(&Close { code: 1008, reason: "é".repeat(100).into() });
    assert_eq!(frame.len(), 2 + 2 + 122);
    assert_eq!(std::str::from_utf8(&frame[4..]).unwrap(), "é".repeat(61));
    assert_eq!(control_frame(Opcode::Pong, &[7; 200]).len(), 2 + 125);
}

fn any_frame() -> impl Strategy<Value = (Vec<u8>, Seen)> {
    let payload = || {
        prop_oneof![prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(any::<u8>(), 120..400)]
    };
    let mask = any::<[u8; 4]>();
    prop_oneof![
        (".{0,200}", mask).prop_map(|(p, m)| (masked(0x81, p.as_bytes(), m), text(&p))),
        (payload(), payload(), mask).prop_map(|(a, b, m)| {
            let frames = [masked(0x02, &a, m), masked(0x89, b"!", m), masked(0x80, &b, m)].concat();
            (frames, Seen::Message(MessageKind::Binary, [a, b].concat()))
        }),
        (prop::collection::vec(any::<u8>(), 0..126), mask)
            .prop_map(|(p, m)| (masked(0x89, &p, m), Seen::Ping(p))),
    ]
}

proptest! {
    #[test]
    fn bytes_may_come_in_any_pieces(
        frames in prop::collection::vec(any_frame(), 1..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let bytes: Vec<u8> = frames.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        let whole = decode_all(&bytes).unwrap();
        let messages = |seen: &[Seen]| seen.iter().filter(|seen| **seen != Seen::Ping(b"!".to_vec())).cloned().collect::<Vec<_>>();
        prop_assert_eq!(messages(&whole), messages(&frames.into_iter().map(|(_, seen)| seen).collect::<Vec<_>>()));
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let (mut decoder, mut input, mut seen) = (Decoder::default(), Vec::new(), Vec::new());
        for piece in cuts.windows(2) {
            input.extend_from_slice(&bytes[piece[0]..piece[1]]);
            decode_some(&mut decoder, &mut input, &mut seen).unwrap();
        }
        prop_assert_eq!(seen, whole);
        prop_assert!(input.is_empty());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), limit in 0_usize..200) {
        let (mut decoder, mut input) = (Decoder::default(), bytes);
        let mut taken = 0;
        while let Ok(Some((_, bytes))) = decoder.decode(&mut input[taken..], limit) {
            taken += bytes;
        }
        prop_assert!(taken <= input.len());
    }

    #[test]
    fn what_the_service_writes_has_the_length_it_says(payload in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut frame = data_frame(Opcode::Binary, &payload).to_vec();
        let header_bytes = frame.len() - payload.len();
        // A peer's frame differs in its mask only; one of zeros leaves the payload alone.
        frame[1] |= 0x80;
        frame.splice(header_bytes..header_bytes, [0; 4]);
        prop_assert_eq!(decode_all(&frame).unwrap(), [Seen::Message(MessageKind::Binary, payload)]);
    }
}

/// Whether a decoder that is given these pieces, one call after another, has refused them for their text by the last one, and not before.
fn refuses_last_piece(pieces: &[Vec<u8>]) -> bool {
    let (mut decoder, mut input, mut seen) = (Decoder::default(), Vec::new(), Vec::new());
    let (last, before) = pieces.split_last().unwrap();
    for piece in before {
        input.extend_from_slice(piece);
        decode_some(&mut decoder, &mut input, &mut seen).unwrap();
    }
    input.extend_from_slice(last);
    decode_some(&mut decoder, &mut input, &mut seen) == Err(DecodeError::InvalidUtf8)
}

#[test]
fn text_that_cannot_become_utf8_is_refused_before_its_message_is_whole() {
    // "κόσμε", then a code point beyond Unicode: its second byte is the wrong one.
    let good = "κόσμε".as_bytes();
    let bad = [good, &[0xf4, 0x90, 0x80, 0x80], good].concat();
    let wrong = good.len() + 1;
    // In fragments: the one with the wrong byte is refused, although the message goes on.
    for split in 0..=wrong {
        let pieces = [masked(0x01, &bad[..split], MASK), masked(0x00, &bad[split..=wrong], MASK)];
        assert!(refuses_last_piece(&pieces), "split at {split}");
    }
    // In one frame that is not whole: the wrong byte itself is refused, however the bytes before it came.
    let frame = masked(0x81, &bad, MASK);
    let end = frame.len() - bad.len() + wrong;
    for split in 0..=end {
        assert!(
            refuses_last_piece(&[frame[..split].to_vec(), frame[split..=end].to_vec()]),
            "split at {split}"
        );
    }
    let bytes: Vec<_> = frame[..=end].iter().map(|byte| vec![*byte]).collect();
    assert!(refuses_last_piece(&bytes));
    // In a continuation that is not whole, whose first bytes end a character of the fragment before.
    let (first, rest) = (masked(0x01, &bad[..3], MASK), masked(0x80, &bad[3..], MASK));
    let end = rest.len() - bad.len() + wrong;
    assert!(refuses_last_piece(&[first, rest[..end].to_vec(), rest[end..=end].to_vec()]));
}

proptest! {
    #[test]
    fn text_is_the_same_however_its_bytes_arrive(
        characters in proptest::collection::vec(any::<char>(), 0..2000),
        cuts in proptest::collection::vec(0usize..6000, 0..8),
        mask in any::<[u8; 4]>(),
    ) {
        let whole: String = characters.into_iter().collect();
        let third = whole.len() / 3;
        let (head, tail) = whole.as_bytes().split_at(third);
        let frames = [masked(0x01, head, mask), masked(0x80, tail, mask)].concat();
        let (mut decoder, mut input, mut seen) = (Decoder::default(), Vec::new(), Vec::new());
        let mut cuts = cuts;
        cuts.sort_unstable();
        let mut from = 0;
        for to in cuts.into_iter().map(|cut| cut.min(frames.len())).chain([frames.len()]) {
            input.extend_from_slice(&frames[from..to]);
            from = to;
            decode_some(&mut decoder, &mut input, &mut seen).unwrap();
        }
        prop_assert_eq!(seen, [text(&whole)]);
    }
}
