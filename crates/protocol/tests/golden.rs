//! The frames in `testing/golden`, byte for byte: what clients send is understood, and what the service sends is produced.
//!
//! `HUBWIRE_BLESS=1` writes the service's frames anew; look at the difference before it is committed.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod golden_client;
mod golden_service;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hubwire_protocol::{JsonForm, Subprotocol, json, protobuf};

use golden_service::Frame;

/// The number that sequenced frames have.
const SEQUENCE_ID: u64 = 300;

fn folder(side: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testing/golden").join(side)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The bytes of a file of hexadecimal digits; lines that begin with `#` explain them.
fn bytes(text: &str) -> Vec<u8> {
    let digits: String = text.lines().filter(|line| !line.starts_with('#')).collect();
    let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    let lines = bytes.chunks(32).map(|line| {
        let pairs: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        pairs.join(" ") + "\n"
    });
    lines.collect()
}

/// The payload behind the header of a server's frame.
fn payload(frame: &[u8]) -> &[u8] {
    match frame[1] {
        126 => &frame[4..],
        127 => &frame[10..],
        _ => &frame[2..],
    }
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn what_clients_send_is_understood() {
    let folder = folder("client");
    let mut covered = BTreeSet::new();
    for (name, request) in golden_client::requests() {
        let (json_name, protobuf_name) = (format!("{name}.json"), format!("{name}.protobuf.hex"));
        assert_eq!(json::decode(read(&folder.join(&json_name)).trim_end()).unwrap(), request, "{json_name}");
        let bytes = bytes(&read(&folder.join(&protobuf_name)));
        assert_eq!(protobuf::decode(&bytes).unwrap(), request, "{protobuf_name}");
        covered.extend([json_name, protobuf_name]);
    }
    assert_eq!(names(&folder), covered, "each file has its request, and each request its files");
}

#[test]
fn what_the_service_sends_is_produced() {
    let folder = folder("service");
    let mut covered = BTreeSet::new();
    for (name, frame) in golden_service::frames() {
        for subprotocol in frame.subprotocols() {
            let produced = produce(&frame, subprotocol);
            let (suffix, text) = match subprotocol {
                Subprotocol::Json => ("json", text(&produced)),
                Subprotocol::JsonReliable => ("reliable.json", text(&produced)),
                Subprotocol::Protobuf => ("protobuf.hex", hex(payload(&produced))),
                Subprotocol::ProtobufReliable => ("reliable.protobuf.hex", hex(payload(&produced))),
            };
            let name = format!("{name}.{suffix}");
            if std::env::var_os("HUBWIRE_BLESS").is_some() {
                std::fs::write(folder.join(&name), &text).unwrap();
            }
            assert_eq!(read(&folder.join(&name)), text, "{name}");
            covered.insert(name);
        }
    }
    assert_eq!(names(&folder), covered, "each file has its frame, and each frame its files");
}

fn text(frame: &[u8]) -> String {
    format!("{}\n", std::str::from_utf8(payload(frame)).unwrap())
}

/// A whole frame, whatever it is made of.
fn produce(frame: &Frame, subprotocol: Subprotocol) -> Vec<u8> {
    let (head, shared) = match frame {
        Frame::Notice(notice) => return subprotocol.notice(notice).to_vec(),
        Frame::Message(message) => (subprotocol.message_head(), subprotocol.message(message, JsonForm::Json)),
        Frame::Report(report) => (subprotocol.report_head(report), subprotocol.report(report)),
    };
    let mut out = Vec::new();
    if subprotocol.is_reliable() {
        head.write(&mut out, SEQUENCE_ID, shared.len());
    }
    out.extend_from_slice(&shared);
    let opcode = if subprotocol.is_protobuf() { 0x82 } else { 0x81 };
    assert_eq!(out[0], opcode, "the frame has the type that its subprotocol wants");
    out
}
