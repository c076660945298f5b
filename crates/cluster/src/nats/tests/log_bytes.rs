//! Entries of the log: what one node writes is what all read.

use std::sync::Arc;

use bytes::Bytes;
use hubwire_hub::{Act, Author, Command, Entry, Envelope, Event, Occurrence, Parting, Subject, Target};
use hubwire_protocol::{
    ConnectionId, Data, GroupName, GroupState, GroupStateItem, HubName, Message, Metadata, Sender, StreamEnd,
    StreamError, StreamPosition, StreamStart,
};

use crate::nats::log_entry;

fn group() -> GroupName {
    GroupName::parse("g").unwrap()
}

fn id() -> ConnectionId {
    ConnectionId::from_bits(7)
}

fn entry(author: Option<Author>, act: Act) -> Entry {
    Entry { hub: HubName::parse("chat").unwrap(), author, act }
}

fn author(ack_id: Option<u64>, stream: Option<u64>) -> Option<Author> {
    Some(Author { connection: id(), ack_id, stream })
}

fn part(sequence_id: u64, end: Option<StreamEnd>) -> Act {
    let sender = Sender::Group { group: group(), user: None };
    let stream = Some(Box::new(StreamPosition { stream_id: "s".into(), sequence_id, end }));
    let data = Data::Text(Bytes::from_static(b"a"));
    let mut envelope = Envelope::new(
        HubName::parse("chat").unwrap(),
        Target::Group(group()),
        Message::new(sender, data, None),
    );
    envelope.message = Arc::new(Message { stream, ..Message::clone(&envelope.message) });
    envelope.publisher = Some(id());
    Act::Publish(envelope)
}

fn start(idle_timeout_ms: Option<u32>) -> Act {
    Act::OpenStream(StreamStart {
        stream_id: "s".into(),
        idle_timeout_ms,
        group: group(),
        metadata: idle_timeout_ms.and_then(|_| Metadata::new([("a".to_owned(), "b".to_owned())]).ok()),
        no_echo: idle_timeout_ms.is_some(),
        ttl_s: 300,
    })
}

#[test]
fn every_entry_arrives_as_it_was_written() {
    let state = Some(Arc::new(GroupState::new([("k", "v")])));
    let item = GroupStateItem { connection: id(), user: None, state, updated_at_ms: 9 };
    let cleared = GroupStateItem { state: None, ..item.clone() };
    let join = Act::Command(Command::Join(Subject::Connection(id()), group()));
    let entries = [
        entry(None, part(1, None)),
        entry(author(None, Some(9)), part(u64::MAX, None)),
        entry(author(None, Some(9)), part(3, Some(StreamEnd::Complete))),
        entry(author(None, Some(9)), part(3, Some(StreamEnd::Broken(StreamError::internal())))),
        entry(author(Some(0), Some(0)), start(None)),
        entry(author(None, Some(0)), start(Some(1))),
        entry(author(Some(u64::MAX), None), join),
        entry(author(Some(1), None), Act::Remember),
        entry(author(Some(2), None), Act::SetState(group(), item)),
        entry(author(None, None), Act::SetState(group(), cleared)),
        entry(author(Some(3), None), Act::SubscribeStates(group())),
        entry(author(Some(4), None), Act::UnsubscribeStates(group())),
    ];
    for entry in entries {
        let read = log_entry::decode(log_entry::encode(&entry, None)).unwrap();
        assert_eq!(format!("{:?}", read.entry), format!("{entry:?}"));
        assert_eq!(read.asker, None);
    }
}

#[test]
fn what_is_left_of_who_has_ended_arrives_as_it_was_written() {
    for is_told in [true, false] {
        let end = Event {
            connection: id(),
            hub: HubName::parse("chat").unwrap(),
            id: 3,
            user: None,
            subprotocol: Some("json.webpubsub.azure.v1".into()),
            state: None,
            origin: "localhost".into(),
            raised_ms: 5,
            cause: None,
            occurrence: Occurrence::Disconnected { reason: "The connection ended.".into() },
        };
        let end_of_stream = entry(author(None, Some(9)), part(3, Some(StreamEnd::Complete)));
        let parting = Parting { end, is_told, farewells: vec![end_of_stream] };
        let (owner, kept) = log_entry::kept(log_entry::ended(8, &parting)).unwrap();
        let log_entry::Kept::Ended(read) = kept else { panic!("it has ended") };
        assert_eq!((owner, format!("{read:?}")), (8, format!("{parting:?}")));
    }
}

#[test]
fn each_number_of_a_stream_stands_in_the_log_once_as_a_message_or_as_the_end() {
    let end = || Some(StreamEnd::Complete);
    let entries = [
        entry(author(None, Some(9)), part(1, None)),
        entry(author(None, Some(9)), part(2, None)),
        entry(author(None, Some(9)), part(3, end())),
        entry(author(None, Some(10)), part(1, None)),
        entry(author(None, Some(10)), part(2, end())),
        entry(author(Some(9), Some(0)), start(None)),
    ];
    let ids: Vec<_> = entries.iter().map(|entry| log_entry::message_id(entry).unwrap()).collect();
    for (index, one) in ids.iter().enumerate() {
        assert!(!ids[..index].contains(one), "{one} stands for two entries");
    }
    let broken = Some(StreamEnd::Broken(StreamError::cancelled()));
    for other in [part(3, broken), part(3, None)] {
        let other = entry(author(None, Some(9)), other);
        assert_eq!(log_entry::message_id(&other).as_ref(), Some(&ids[2]), "whoever comes first");
    }
    assert_eq!(log_entry::message_id(&entry(author(None, None), part(1, None))), None);
}
