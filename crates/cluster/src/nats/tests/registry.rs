//! What a node writes into the registry, and when those are told who wait for it.

use bytes::Bytes;
use hubwire_hub::{Event, Occurrence, Parting};
use hubwire_protocol::{ConnectionId, HubName};

use crate::nats::registry::{Record, Registry, Stored, Write};

fn id() -> ConnectionId {
    ConnectionId::from_bits(7)
}

fn record(position: u64, is_awaited: bool) -> Record {
    Record { bytes: Bytes::from(position.to_string()), position, is_awaited }
}

fn text(store: Option<crate::nats::registry::Store>) -> Option<(String, bool)> {
    store.map(|store| (String::from_utf8_lossy(&store.bytes).into_owned(), store.guarded))
}

fn written(position: u64, guarded: bool) -> Option<(String, bool)> {
    Some((position.to_string(), guarded))
}

#[test]
fn a_publisher_is_told_that_it_is_kept_whatever_else_is_written_of_it_meanwhile() {
    let mut registry = Registry::default();
    assert_eq!(text(registry.begin(id(), record(5, true))), written(5, true));
    // It opens another stream, and a checkpoint comes, before anybody has answered.
    assert!(registry.begin(id(), record(6, true)).is_none());
    assert!(registry.write(id(), Write::Record(record(7, false))).is_none());
    let progress = registry.stored(id(), Stored::Unanswered);
    assert_eq!((text(progress.next), progress.kept), (written(7, true), None));
    let progress = registry.stored(id(), Stored::Revision(1));
    assert_eq!((text(progress.next), progress.kept), (None, Some(7)));
    assert_eq!(text(registry.write(id(), Write::Record(record(8, false)))), written(8, false));
    assert_eq!(registry.stored(id(), Stored::Revision(2)).kept, None, "nobody waits for that");
}

#[test]
fn what_a_worker_said_before_a_stream_was_opened_does_not_replace_what_it_said_then() {
    let mut registry = Registry::default();
    assert!(registry.begin(id(), record(5, true)).is_some());
    assert!(registry.write(id(), Write::Record(record(4, false))).is_none());
    assert!(registry.is_recording(id()), "a checkpoint waits for the one that is newer");
    let progress = registry.stored(id(), Stored::Revision(1));
    assert_eq!((text(progress.next), progress.kept), (None, Some(5)));
    assert!(!registry.is_recording(id()));
    assert_eq!(text(registry.begin(id(), record(4, true))), written(4, true), "somebody waits for it");
}

#[test]
fn an_end_is_the_last_word() {
    let mut registry = Registry::default();
    assert!(registry.begin(id(), record(5, true)).is_some());
    let end = Event {
        connection: id(),
        hub: HubName::parse("chat").unwrap(),
        id: 1,
        user: None,
        subprotocol: None,
        state: None,
        origin: "localhost".into(),
        raised_ms: 1,
        cause: None,
        occurrence: Occurrence::Connected,
    };
    let parting = Parting { end, is_told: true, farewells: Vec::new() };
    assert!(registry.write(id(), Write::End(Bytes::from_static(b"end"), Box::new(parting))).is_none());
    assert!(registry.begin(id(), record(6, true)).is_none());
    let progress = registry.stored(id(), Stored::Unanswered);
    assert_eq!(text(progress.next), Some(("end".to_owned(), true)));
    let ended = registry.stored(id(), Stored::Revision(3)).ended;
    assert!(ended.is_some_and(|(parting, revision)| parting.is_told && revision == 3));
}
