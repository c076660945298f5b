//! `permessage-deflate` (RFC 7692) as the service offers it: every message by itself, compressed once for all who take it.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use flate2::{Decompress, FlushDecompress};
use hubwire_protocol::websocket::{
    DecodeError, Decoder, DeflateWindow, Deflater, Frame, Inflater, MessageKind, Opcode, compress_frame,
    data_frame, negotiate,
};
use hubwire_protocol::{Data, GroupName, JsonForm, Message, Sender, Subprotocol};
use proptest::prelude::*;

const LIMIT: usize = 1 << 20;

fn message(text: &str) -> Message {
    let sender = Sender::Group { group: GroupName::parse("room").unwrap(), user: None };
    Message::new(sender, Data::Text(text.to_owned().into()), None)
}

/// What a browser makes of a frame with RSV1: RFC 7692 §7.2.2, step by step.
fn unframed(frame: &[u8], window: DeflateWindow) -> (u8, Vec<u8>) {
    assert_eq!(frame[0] & 0xc0, 0xc0, "a whole message with RSV1");
    let (header_bytes, payload_bytes) = match frame[1] {
        127 => (10, u64::from_be_bytes(frame[2..10].try_into().unwrap()) as usize),
        126 => (4, usize::from(u16::from_be_bytes([frame[2], frame[3]]))),
        short => (2, usize::from(short)),
    };
    let mut payload = frame[header_bytes..].to_vec();
    assert_eq!(payload.len(), payload_bytes, "the header tells the length");
    payload.extend([0, 0, 0xff, 0xff]);
    (frame[0] & 0x0f, inflated(&payload, window))
}

/// What a client inflates that keeps no more than its window. In small pieces: within one of them the inflater would find what it has not kept.
fn inflated(payload: &[u8], window: DeflateWindow) -> Vec<u8> {
    let bits = if window == DeflateWindow::Narrow { 9 } else { 15 };
    let (mut inflate, mut out, mut piece) =
        (Decompress::new_with_window_bits(false, bits), Vec::new(), [0; 32]);
    loop {
        let (taken, before) = (inflate.total_in() as usize, inflate.total_out());
        inflate.decompress(&payload[taken..], &mut piece, FlushDecompress::Sync).unwrap();
        let inflated = (inflate.total_out() - before) as usize;
        if inflated == 0 {
            assert_eq!(inflate.total_in(), payload.len() as u64, "the stream goes to its end");
            return out;
        }
        out.extend_from_slice(&piece[..inflated]);
    }
}

fn any_window() -> impl Strategy<Value = DeflateWindow> {
    prop_oneof![Just(DeflateWindow::Full), Just(DeflateWindow::Narrow)]
}

fn payload(frame: &[u8]) -> &[u8] {
    match frame[1] {
        127 => &frame[10..],
        126 => &frame[4..],
        _ => &frame[2..],
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ a-d]{0,600}",
        "\\PC{0,400}",
        ("[a-z ]{1,40}", 1_usize..3000).prop_map(|(text, n)| text.repeat(n))
    ]
}

proptest! {
    #[test]
    fn a_compressed_message_is_the_plain_one(
        text in any_text(),
        sequence_id in 1_u64..,
        protocol in 0_usize..4,
        wanted in any_window(),
    ) {
        let (protocol, message, mut deflater) = (Subprotocol::ALL[protocol], message(&text), Deflater::default());
        let plain = protocol.message(&message, JsonForm::Json);
        // A deflater has no memory of the message before.
        for _ in 0..2 {
            let window = wanted.for_bytes(plain.len());
            if protocol.is_reliable() {
                let Some(tail) = deflater.tail(&plain, window) else { continue };
                let head = protocol.message_head();
                let (mut whole, mut compressed) = (Vec::new(), b"before".to_vec());
                head.write(&mut whole, sequence_id, plain.len());
                whole.extend_from_slice(&plain);
                head.write_compressed(&mut compressed, sequence_id, plain.len(), tail.len());
                prop_assert!(compressed.starts_with(b"before"));
                compressed.extend_from_slice(&tail);
                prop_assert_eq!(unframed(&compressed[6..], wanted), (whole[0] & 0x0f, payload(&whole).to_vec()));
                prop_assert!(compressed.len() - 6 < whole.len() + 2);
            } else if let Some(compressed) = compress_frame(&plain, &mut deflater, window) {
                prop_assert_eq!(unframed(&compressed, wanted), (plain[0] & 0x0f, payload(&plain).to_vec()));
                prop_assert!(compressed.len() < plain.len());
            }
        }
    }

    #[test]
    fn what_a_client_compressed_is_read_as_it_was(text in any_text(), cut in any::<prop::sample::Index>(), limit in 0_usize..4000) {
        let plain = text.as_bytes();
        let mut deflate = flate2::Compress::new(flate2::Compression::default(), false);
        let mut deflated = Vec::with_capacity(plain.len() + 1024);
        deflate.compress_vec(plain, &mut deflated, flate2::FlushCompress::Sync).unwrap();
        deflated.truncate(deflated.len() - 4);
        // In one frame or in two: the bit stands on the first only.
        let cut = cut.index(deflated.len() + 1);
        let mut bytes = masked(0x41, &deflated[..cut]);
        bytes.extend(masked(0x80, &deflated[cut..]));
        let (mut decoder, mut inflater) = (Decoder::new(true), Inflater::default());
        let (frame, taken) = decoder.decode(&mut bytes, LIMIT).unwrap().unwrap();
        prop_assert_eq!(frame, Frame::Fragment);
        let (frame, _) = decoder.decode(&mut bytes[taken..], LIMIT).unwrap().unwrap();
        let Frame::Compressed(MessageKind::Text, payload) = frame else {
            return Err(TestCaseError::fail("no compressed text"));
        };
        let expected = if plain.len() > limit { Err(DecodeError::TooLarge) } else { Ok(plain.to_vec()) };
        prop_assert_eq!(inflater.inflate(&payload, limit), expected);
        // Nothing of it is left for the next one, refused or not.
        prop_assert_eq!(inflater.inflate(&payload, LIMIT), Ok(plain.to_vec()));
    }

    #[test]
    fn no_bytes_make_it_panic_or_exceed_the_limit(bytes in prop::collection::vec(any::<u8>(), 0..300), limit in 0_usize..2000) {
        if let Ok(inflated) = Inflater::default().inflate(&bytes, limit) {
            prop_assert!(inflated.len() <= limit);
        }
    }
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0x80 | 127];
    frame.extend((payload.len() as u64).to_be_bytes());
    if payload.len() < 0x1_0000 {
        frame.truncate(1);
        match payload.len() {
            short @ 0..126 => frame.push(0x80 | short as u8),
            medium => {
                frame.push(0x80 | 126);
                frame.extend((medium as u16).to_be_bytes());
            }
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

#[test]
fn the_examples_of_rfc_7692_are_read() {
    // §7.2.3.1 to §7.2.3.5: one block, a stored block, a last block, two blocks.
    let examples: [&[u8]; 4] = [
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
        &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
    ];
    let mut inflater = Inflater::default();
    for example in examples {
        assert_eq!(inflater.inflate(example, 5).unwrap(), b"Hello");
        assert_eq!(inflater.inflate(example, 4), Err(DecodeError::TooLarge));
    }
    assert_eq!(inflater.inflate(&[0x00], 5).unwrap(), b"", "an empty message is one byte");
}

#[test]
fn a_bomb_is_refused_before_it_has_grown() {
    let mut deflate = flate2::Compress::new(flate2::Compression::best(), false);
    let mut bomb = Vec::with_capacity(1 << 20);
    deflate.compress_vec(&vec![b'0'; 20 << 20], &mut bomb, flate2::FlushCompress::Sync).unwrap();
    assert!(bomb.len() < LIMIT);
    assert_eq!(Inflater::default().inflate(&bomb, LIMIT), Err(DecodeError::TooLarge));
}

#[test]
fn the_bit_is_refused_where_it_says_nothing() {
    let refused = DecodeError::Protocol("a reserved bit without an extension");
    // Nothing agreed on; a ping; a continuation; the bits that no extension has.
    for (compression, first) in [(false, 0xc1), (true, 0xc9), (true, 0xe1), (true, 0xd1)] {
        let mut frame = masked(first, &[0]);
        assert_eq!(Decoder::new(compression).decode(&mut frame, LIMIT).unwrap_err(), refused);
    }
    let mut frames = masked(0x41, &[0xf2]);
    frames.extend(masked(0xc0, &[0x48]));
    let mut decoder = Decoder::new(true);
    let (_, taken) = decoder.decode(&mut frames, LIMIT).unwrap().unwrap();
    assert_eq!(decoder.decode(&mut frames[taken..], LIMIT).unwrap_err(), refused);
}

#[test]
fn what_cannot_get_shorter_stays_as_it_is() {
    let mut deflater = Deflater::default();
    let short = Subprotocol::Json.message(&message("aaaaaaaaaa"), JsonForm::Json);
    assert_eq!(compress_frame(&short, &mut deflater, DeflateWindow::Full), None);
    let mut seed = 1_u32;
    let noise: [u8; 2000] = std::array::from_fn(|_| {
        // xorshift: no order that a compressor would find.
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed as u8
    });
    assert_eq!(deflater.tail(&noise, DeflateWindow::Full), None);
}

/// What is answered to offers in one line.
fn answer(offers: &str) -> Option<&'static str> {
    negotiate([offers].into_iter()).map(|agreement| agreement.answer)
}

#[test]
fn offers_are_answered_by_their_parameters() {
    const PLAIN: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    const FULL: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15";
    const NARROW: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9";
    for (offers, expected) in [
        ("permessage-deflate", PLAIN),
        ("Permessage-Deflate; client_max_window_bits", PLAIN),
        ("permessage-deflate; server_no_context_takeover; client_no_context_takeover", PLAIN),
        ("permessage-deflate;client_max_window_bits=8", PLAIN),
        ("permessage-deflate; client_max_window_bits=\"15\"", PLAIN),
        ("x-webkit-deflate-frame, permessage-deflate", PLAIN),
        ("permessage-deflate; server_max_window_bits=15", FULL),
        ("permessage-deflate; server_max_window_bits=\"14\"; client_max_window_bits", NARROW),
        ("permessage-deflate; Server_Max_Window_Bits=9", NARROW),
        // The first that can be kept to, as the client prefers it.
        ("permessage-deflate; server_max_window_bits=10, permessage-deflate", NARROW),
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate", PLAIN),
        ("permessage-deflate; unknown, permessage-deflate; server_max_window_bits=12", NARROW),
    ] {
        assert_eq!(answer(offers), Some(expected), "{offers}");
    }
    for offer in [
        "",
        "permessage-bzip2",
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=09",
        "permessage-deflate; server_max_window_bits=+9",
        "permessage-deflate; server_max_window_bits=\"9",
        "permessage-deflate; server_max_window_bits=",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=010",
        "permessage-deflate; client_max_window_bits=",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; unknown",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
    ] {
        assert_eq!(answer(offer), None, "{offer}");
    }
    let lines = ["a; b", "permessage-deflate"].into_iter();
    assert_eq!(
        negotiate(lines).map(|agreement| agreement.answer),
        Some(PLAIN),
        "offers may stand in several lines"
    );
}

proptest! {
    /// RFC 7692 §7.1: an answer repeats the parameters of an offer with values that the offer allows, and needs none that it does not have.
    #[test]
    fn an_answer_is_one_that_an_offer_allows(offers in prop::collection::vec((0_u8..20, 0_u8..20, any::<[bool; 2]>()), 0..5)) {
        let line: Vec<_> = offers.iter().map(|(server, client, [own, other])| {
            let mut offer = "permessage-deflate".to_owned();
            // 0 and 1: not said; the others are bits, some of them out of range.
            if *server > 1 { offer += &format!("; server_max_window_bits={server}"); }
            if *client > 1 { offer += &format!(" ; client_max_window_bits={client}"); }
            if *own { offer += ";server_no_context_takeover"; }
            if *other { offer += "; client_no_context_takeover"; }
            offer
        }).collect();
        let keeps = |bits: u8| bits < 2 || (9..=15).contains(&bits);
        let first = offers.iter().find(|(server, client, _)| keeps(*server) && (*client < 2 || (8..=15).contains(client)));
        let agreement = negotiate([line.join(", ").as_str()].into_iter());
        prop_assert_eq!(agreement.is_some(), first.is_some(), "{}", line.join(", "));
        if let (Some(agreement), Some((server, ..))) = (agreement, first) {
            let bits = agreement.answer.split_once("server_max_window_bits=").map(|(_, bits)| bits.parse::<u8>().unwrap());
            prop_assert_eq!(bits.is_some(), *server > 1);
            prop_assert!(bits.is_none_or(|bits| bits <= *server));
            prop_assert_eq!(agreement.window == DeflateWindow::Narrow, bits == Some(9));
        }
    }
}

#[test]
fn a_small_window_is_kept_to_where_a_large_one_would_not_be() {
    let mut state = 88_172_645_463_325_252;
    // What repeats does so only farther back than 2⁹ bytes.
    let payload = noise(&mut state, 2000).repeat(4);
    let frame = data_frame(Opcode::Binary, &payload);
    let mut deflater = Deflater::default();
    let full = compress_frame(&frame, &mut deflater, DeflateWindow::Full).unwrap();
    assert_eq!(unframed(&full, DeflateWindow::Full).1, payload);
    assert_eq!(
        compress_frame(&frame, &mut deflater, DeflateWindow::Narrow),
        None,
        "it finds nothing to refer to"
    );
    let near = noise(&mut state, 200).repeat(40);
    let narrow =
        compress_frame(&data_frame(Opcode::Binary, &near), &mut deflater, DeflateWindow::Narrow).unwrap();
    assert!(narrow.len() < near.len() * 2 / 3, "{} bytes", narrow.len());
    assert_eq!(unframed(&narrow, DeflateWindow::Narrow).1, near);
}

/// Bytes in which nothing repeats, another each time: xorshift.
fn noise(state: &mut u64, length: usize) -> Vec<u8> {
    let byte = |_| {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        state.to_be_bytes()[0]
    };
    (0..length).map(byte).collect()
}

#[test]
fn messages_that_do_not_become_shorter_do_the_others_no_harm() {
    let (mut deflater, mut state) = (Deflater::default(), 88_172_645_463_325_252);
    let sentence = "All of this is said again and again. ".repeat(40);
    let good = data_frame(Opcode::Text, sentence.as_bytes());
    for round in 0..2000 {
        let noise = noise(&mut state, 130 + round * 7 % 9000);
        let frame = data_frame(Opcode::Binary, &noise);
        // The small window is tried less often: it takes its time.
        let narrow = (round % 10 == 9).then_some(DeflateWindow::Narrow);
        for window in [DeflateWindow::Full].into_iter().chain(narrow) {
            assert_eq!(compress_frame(&frame, &mut deflater, window), None, "round {round}");
            assert_eq!(deflater.tail(&noise, window), None, "round {round}");
            if round % 500 == 499 {
                let compressed = compress_frame(&good, &mut deflater, window).unwrap();
                assert_eq!(unframed(&compressed, window).1, sentence.as_bytes(), "round {round}");
            }
        }
    }
}
