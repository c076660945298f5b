use crate::service::{Answer, Service};

fn send(headers: &[(&str, &[u8])]) -> (Answer, Option<Vec<(String, String)>>) {
    let service = Service::new();
    let call = service.call("POST /api/hubs/chat/:send").body("text/plain", "hi");
    let call = headers.iter().fold(call, |call, (name, value)| call.header(name, value));
    let answer = call.send();
    let envelopes = service.router.take_envelopes();
    let metadata = envelopes.first().and_then(|envelope| envelope.message.metadata.clone());
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    (answer, metadata.map(|metadata| metadata.iter().map(owned).collect()))
}

#[track_caller]
fn assert_one(headers: &[(&str, &[u8])], key: &str, value: &str) {
    assert_eq!(send(headers).1, Some(vec![(key.into(), value.into())]));
}

#[test]
fn metadata_headers_become_metadata_of_the_message() {
    assert_one(&[("X-WebPubSub-Metadata-Trace-ID", b" a b ")], "trace-id", "a b");
    assert_one(&[("x-webpubsub-metadata-a", b"")], "a", "");
    let (_, metadata) = send(&[("X-WebPubSub-Metadata-a", b"1"), ("X-WebPubSub-Metadata-b", b"2")]);
    let mut metadata = metadata.unwrap();
    metadata.sort();
    assert_eq!(metadata, [("a".into(), "1".into()), ("b".into(), "2".into())]);
    assert_eq!(send(&[("X-WebPubSub-Other", b"1")]).1, None);
}

#[test]
fn the_last_value_of_a_repeated_or_listed_header_counts() {
    let name = "x-webpubsub-metadata-k";
    assert_one(&[(name, b"first, final")], "k", "final");
    assert_one(&[(name, b"a,b,")], "k", "");
    assert_one(&[(name, b"one"), (name, b"two, three ")], "k", "three");
}

#[test]
fn metadata_beyond_its_rules_is_refused() {
    let (key, value) = ("k".repeat(257), vec![b'v'; 1025]);
    let cases: [(&str, &[u8], &str); 4] = [
        ("", b"v", "Metadata key '' contains invalid characters."),
        ("k", "é".as_bytes(), "Metadata value for key 'k' must be ASCII."),
        (&key, b"v", &format!("Metadata key '{key}' exceeds 256 bytes.")),
        ("k", &value, "Metadata value for key 'k' exceeds 1024 bytes."),
    ];
    for (key, value, message) in cases {
        let (answer, metadata) = send(&[(&format!("x-webpubsub-metadata-{key}"), value)]);
        answer.assert_bad_request(message);
        assert_eq!(metadata, None);
    }
    let names: Vec<_> = (0..9).map(|index| format!("x-webpubsub-metadata-{index}")).collect();
    let value = vec![b'v'; 1000];
    let headers: Vec<_> = names.iter().map(|name| (&**name, &*value)).collect();
    send(&headers).0.assert_bad_request("Metadata exceeds 8192 bytes.");
}
