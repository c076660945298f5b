//! Instructions for one message on its way in and out. A limit is a tenth above what was counted when it was set.
#![allow(missing_docs, reason = "the macros make public items of the benches")]

use std::hint::black_box;

use bytes::Bytes;
use gungraun::{library_benchmark, library_benchmark_group, main};
use hubwire_instructions::{limit, message, request, request_frame};
use hubwire_protocol::websocket::{Decoder, DeflateWindow, Deflater, compress_frame};
use hubwire_protocol::{JsonForm, Message, Request, Subprotocol, json};

#[library_benchmark]
#[bench::a_publish(args = (request_frame()), config = limit(390))]
fn decode_frame(mut frame: Vec<u8>) -> usize {
    let decoded = Decoder::default().decode(black_box(&mut frame), 1 << 20);
    decoded.ok().flatten().map_or(0, |(_, bytes)| bytes)
}

#[library_benchmark]
#[bench::a_publish(args = (request()), config = limit(6060))]
fn decode_json(text: String) -> Option<Request> {
    json::decode(black_box(&text)).ok()
}

#[library_benchmark]
#[bench::json(args = (message(), Subprotocol::Json), config = limit(2530))]
#[bench::json_reliable(args = (message(), Subprotocol::JsonReliable), config = limit(2200))]
#[bench::protobuf(args = (message(), Subprotocol::Protobuf), config = limit(2470))]
#[bench::protobuf_reliable(args = (message(), Subprotocol::ProtobufReliable), config = limit(1770))]
fn encode(message: Message, subprotocol: Subprotocol) -> Bytes {
    black_box(subprotocol).message(black_box(&message), JsonForm::Json)
}

#[library_benchmark]
#[bench::json(args = (Subprotocol::JsonReliable, Vec::with_capacity(256)), config = limit(205))]
#[bench::protobuf(args = (Subprotocol::ProtobufReliable, Vec::with_capacity(256)), config = limit(250))]
fn write_head(subprotocol: Subprotocol, mut out: Vec<u8>) -> Vec<u8> {
    black_box(subprotocol).message_head().write(&mut out, black_box(123_456), 164);
    out
}

/// A deflater that has its memory.
fn deflater() -> (Bytes, Deflater) {
    let frame = Subprotocol::Json.message(&message(), JsonForm::Json);
    let mut deflater = Deflater::default();
    compress_frame(&frame, &mut deflater, DeflateWindow::Full);
    (frame, deflater)
}

#[library_benchmark]
#[bench::json(args = (deflater()), config = limit(214_000))]
fn compress((frame, mut deflater): (Bytes, Deflater)) -> Option<Bytes> {
    compress_frame(black_box(&frame), &mut deflater, DeflateWindow::Full)
}

library_benchmark_group!(
    name = codec,
    benchmarks = [decode_frame, decode_json, encode, write_head, compress]
);
main!(library_benchmark_groups = codec);
