use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::Full;
use hubwire_protocol::Data;

use crate::service::{Answer, Service};

const SEND: &str = "POST /api/hubs/chat/:send";
const JSON_ERROR: &str = "The request body is not a valid JSON.";
const LENGTH_ERROR: &str = "Invalid Content-Length header.";

fn post(content_type: &str, body: impl AsRef<[u8]>) -> (Answer, Option<Data>) {
    let service = Service::new();
    let answer = service.call(SEND).body(content_type, body).send();
    let envelopes = service.router.take_envelopes();
    (answer, envelopes.first().map(|envelope| envelope.message.data.clone()))
}

#[track_caller]
fn assert_unsupported(content_type: &str) {
    let (answer, data) = post(content_type, "{}");
    assert_eq!((answer.status, data), (415, None), "{content_type}");
    assert_eq!(answer.header("x-ms-error-code"), Some("Error.UnsupportedMediaType"));
    assert!(answer.message().starts_with("The content type is not supported. Supported: "));
}

/// Pieces that arrive one by one.
struct Pieces(Vec<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = if self.0.is_empty() { None } else { Some(self.0.remove(0)) };
        Poll::Ready(next.map(|piece| Ok(Frame::data(piece))))
    }
}

/// A body that never arrives.
struct Silence;

impl Body for Silence {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

/// A body whose connection fails.
struct Broken;

impl Body for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(Some(Err(std::io::Error::other("reset"))))
    }
}

#[test]
fn the_content_type_decides_the_kind_of_message() {
    let binary = Some(Data::Binary("x".into()));
    let text = Some(Data::Text("x".into()));
    let json = Some(Data::Json(" [ 1.50 ]\n".into()));
    assert_eq!(post("application/octet-stream", "x").1, binary);
    assert_eq!(post("", "x").1, binary);
    assert_eq!(post("  ", "x").1, binary);
    assert_eq!(post("text/plain", "x").1, text);
    assert_eq!(post("Text/Plain; Charset=UTF-8", "x").1, text);
    assert_eq!(post("text/plain; format=flowed ; charset=\"utf-8\"", "x").1, text);
    assert_eq!(post("text/plain;", "x").1, text);
    assert_eq!(post("application/json", " [ 1.50 ]\n").1, json);
    assert_eq!(post("application/json; odata=verbose", " [ 1.50 ]\n").1, json);
    let service = Service::new();
    assert_eq!(service.call(SEND).send_with(Full::new("x".into())).status, 202);
    assert_eq!(service.router.take_envelopes()[0].message.data, Data::Binary("x".into()));
}

#[test]
fn other_content_types_are_refused() {
    for content_type in [
        "application/x-protobuf",
        "text/html",
        "application/jsonx",
        "nonsense",
        "text/plain; charset=utf-7",
        "text/plain; charset=",
        "text/plain; charset",
        "text/plain; charset=\"utf-8",
        "text/plain; charset=\"utf-8\"x",
        "text/plain; =utf-8",
        "text/plain, application/json",
    ] {
        assert_unsupported(content_type);
    }
    let service = Service::new();
    let twice = service.call(SEND).header("content-type", "text/plain").body("application/json", "{}");
    assert_eq!(twice.send().status, 415);
}

#[test]
fn text_and_json_reach_clients_as_utf_8() {
    let utf16 = |text: &str, unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<_>>();
    let text = "hé €𝄞";
    let cases = [
        ("utf-8", text.as_bytes().to_vec()),
        ("utf-16le", utf16(text, u16::to_le_bytes)),
        ("UTF-16BE", utf16(text, u16::to_be_bytes)),
        ("utf-16", utf16(text, u16::to_le_bytes)),
        ("utf-16", utf16(&format!("\u{feff}{text}"), u16::to_le_bytes)),
        ("utf-16", utf16(&format!("\u{feff}{text}"), u16::to_be_bytes)),
    ];
    for (charset, body) in cases {
        let (answer, data) = post(&format!("text/plain; charset={charset}"), body);
        assert_eq!((answer.status, data), (202, Some(Data::Text(text.into()))), "{charset}");
    }
    assert_eq!(post("text/plain; charset=iso-8859-1", b"h\xe9").1, Some(Data::Text("hé".into())));
    assert_eq!(post("text/plain; charset=us-ascii", "he").1, Some(Data::Text("he".into())));
    let json = post("application/json; charset=utf-16", utf16("[\"é\"]", u16::to_le_bytes)).1;
    assert_eq!(json, Some(Data::Json("[\"é\"]".into())));
}

#[test]
fn text_that_is_not_in_its_charset_is_refused() {
    for (charset, body) in [
        ("utf-8", &b"\xff"[..]),
        ("us-ascii", b"\x80"),
        ("utf-16", b"\x00"),
        ("utf-16le", b"\x00\xd8"),
        ("utf-16be", b"\xd8\x00"),
    ] {
        let (answer, data) = post(&format!("text/plain; charset={charset}"), body);
        answer.assert_bad_request(&format!("The request body is not valid {charset} text."));
        assert_eq!(data, None);
    }
    post("application/json", b"\"\xff\"").0.assert_bad_request(JSON_ERROR);
}

#[test]
fn json_must_be_exactly_one_document() {
    for body in ["", " ", "{", "1 2", "{\"a\":1}x", "nul", "'a'", "[1,]", "\u{feff}{}", "01", "NaN", " null "]
    {
        let (answer, data) = post("application/json", body);
        answer.assert_bad_request(JSON_ERROR);
        assert_eq!(data, None, "{body}");
    }
    for body in
        ["1", "\"\"", "{}", "1e400", "123456789012345678901234567890", "\"\\ud800\"", "{\"a\":1,\"a\":2}"]
    {
        let (answer, data) = post("application/json", body);
        assert_eq!((answer.status, data), (202, Some(Data::Json(body.into()))), "{body}");
    }
}

#[test]
fn json_may_nest_63_levels_since_the_message_around_it_is_the_64th() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert_eq!(post("application/json", nested(63)).0.status, 202);
    post("application/json", nested(64)).0.assert_bad_request(JSON_ERROR);
    post("application/json", "[".repeat(1 << 20)).0.assert_bad_request(JSON_ERROR);
}

#[test]
fn empty_text_and_binary_messages_are_messages() {
    assert_eq!(post("text/plain", "").1, Some(Data::Text("".into())));
    assert_eq!(post("application/octet-stream", "").1, Some(Data::Binary("".into())));
}

#[test]
fn a_body_may_have_a_mebibyte() {
    let body = vec![b'x'; 1 << 20];
    assert_eq!(post("text/plain", &body).0.status, 202);
    let body = vec![b'x'; (1 << 20) + 1];
    let (answer, data) = post("text/plain", &body);
    answer.assert_bad_request(LENGTH_ERROR);
    assert_eq!(data, None);
}

#[test]
fn an_announced_length_must_be_a_number_within_the_limit() {
    for length in ["-1", "x", "1048577", "99999999999999999999999999"] {
        let service = Service::new();
        let call = service.call(SEND).header("content-length", length);
        call.send_with(Silence).assert_bad_request(LENGTH_ERROR);
    }
}

#[test]
fn a_body_of_unknown_length_is_taken_up_to_the_limit() {
    let service = Service::new();
    service.change(|options| options.body_bytes_max = 8);
    let pieces = |pieces: &[&'static str]| Pieces(pieces.iter().map(|piece| Bytes::from(*piece)).collect());
    let text = || service.call(SEND).header("content-type", "text/plain");
    assert_eq!(text().send_with(pieces(&["", "abc", "", "d", "efgh"])).status, 202);
    assert_eq!(service.router.take_envelopes()[0].message.data, Data::Text("abcdefgh".into()));
    text().send_with(pieces(&["abc", "d", "efghi"])).assert_bad_request(LENGTH_ERROR);
    text().send_with(pieces(&["abcdefghi"])).assert_bad_request(LENGTH_ERROR);
    assert!(service.router.is_untouched());
}

#[test]
fn a_body_that_does_not_arrive_is_given_up() {
    let service = Service::new();
    service.change(|options| options.body_timeout_ms = 250);
    let answer = service.call(SEND).send_with(Silence);
    let message = "The request body did not arrive within 250 ms.";
    answer.assert_error(408, "Error.RequestTimeout", message, "Request");
}

#[test]
fn a_body_that_breaks_off_is_refused() {
    let answer = Service::new().call(SEND).send_with(Broken);
    answer.assert_bad_request("The request body could not be read.");
}
