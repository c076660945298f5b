//! Names, connection ids and metadata: what is let in, and how what is not is refused.

use hubwire_protocol::{
    ConnectionId, EventName, GroupName, HubName, Metadata, MetadataError, NameError, Subprotocol, UserId,
};
use proptest::prelude::*;

#[test]
fn hub_names_are_lower_cased_and_have_no_hyphen() {
    assert_eq!(HubName::parse("Chat_1`,.[]").unwrap().as_str(), "chat_1`,.[]");
    assert_eq!(HubName::parse("CHAT"), HubName::parse("chat"));
    assert!(HubName::parse(&"a".repeat(128)).is_ok());
    for wrong in ["", "1a", "_a", "a-b", "a b", "ä", "aä", "a/b", &"a".repeat(129)] {
        assert_eq!(HubName::parse(wrong), Err(NameError::Hub), "{wrong}");
    }
}

#[test]
fn group_names_are_counted_in_utf16_units_and_keep_their_spaces() {
    for right in ["a", " a ", "a/b", "grün", &"a".repeat(1024), &"é".repeat(1024), &"😀".repeat(512)] {
        assert_eq!(GroupName::parse(right).unwrap().as_str(), right);
    }
    assert_ne!(GroupName::parse("a"), GroupName::parse("A"));
    for wrong in [
        "",
        " ",
        "\t\u{a0}\u{3000}",
        &"a".repeat(1025),
        &"😀".repeat(513),
        &("a".to_owned() + &"😀".repeat(512)),
    ] {
        assert_eq!(GroupName::parse(wrong), Err(NameError::Group), "{wrong}");
    }
}

#[test]
fn event_names_start_with_a_letter_and_keep_their_spelling() {
    for right in ["a", "Order", "a.b-c_9", &"a".repeat(128)] {
        assert_eq!(EventName::parse(right).unwrap().as_str(), right);
    }
    for wrong in ["", "1", ".a", "a b", "é", "a/b", &"a".repeat(129)] {
        assert_eq!(EventName::parse(wrong), Err(NameError::Event), "{wrong}");
    }
}

#[test]
fn a_user_id_may_be_empty_in_a_token_but_not_in_a_path() {
    assert_eq!(UserId::from_token("").as_str(), "");
    assert_eq!(UserId::parse(""), Err(NameError::User));
    assert_eq!(UserId::parse(" "), Err(NameError::User));
    assert_eq!(UserId::parse(&"u".repeat(5000)).unwrap().as_str().len(), 5000);
}

#[test]
fn a_connection_id_is_32_lower_case_digits() {
    let id = ConnectionId::new(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef, 0x42);
    assert_eq!(id.to_string(), "0123456789abcdef0123456789abcd42");
    assert_eq!(id.worker(), 0x42);
    for wrong in [
        "",
        "0123456789ABCDEF0123456789abcd42",
        "+123456789abcdef0123456789abcd42",
        &"0".repeat(31),
        &"0".repeat(33),
        &"é".repeat(16),
    ] {
        assert_eq!(ConnectionId::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn subprotocols_are_found_in_any_case() {
    assert_eq!(Subprotocol::from_offer("JSON.webpubsub.azure.V1"), Some(Subprotocol::Json));
    assert_eq!(Subprotocol::from_offer("json.reliable.webpubsub.azure.v1"), Some(Subprotocol::JsonReliable));
    assert_eq!(Subprotocol::from_offer("json.webpubsub.azure.v2"), None);
    assert!(Subprotocol::JsonReliable.is_reliable() && !Subprotocol::Json.is_reliable());
}

fn metadata(key: &str, value: &str) -> Result<Metadata, MetadataError> {
    Metadata::new([(key, value)])
}

#[test]
fn metadata_is_bounded_in_every_way() {
    assert!(metadata("!#$%&'*+-.^_`|~09azAZ", " \t\r\n\u{7f}").is_ok());
    for key in ["", "a b", "a:b", "ä", "a\"", "a/"] {
        assert_eq!(metadata(key, ""), Err(MetadataError::KeyCharacters(key.into())), "{key}");
    }
    assert_eq!(metadata("k", "é"), Err(MetadataError::ValueCharacters("k".into())));
    assert!(metadata(&"k".repeat(256), &"v".repeat(1024)).is_ok());
    assert!(matches!(metadata(&"k".repeat(257), ""), Err(MetadataError::KeyTooLong(_))));
    assert!(matches!(metadata("k", &"v".repeat(1025)), Err(MetadataError::ValueTooLong(_))));
    let entries = |last: usize| {
        (0..8).map(move |index| (format!("k{index}"), "v".repeat(if index == 7 { last } else { 1022 })))
    };
    assert!(Metadata::new(entries(1022)).is_ok(), "8192 bytes in all");
    assert_eq!(Metadata::new(entries(1023)), Err(MetadataError::TooLarge));
    assert_eq!(Metadata::new([("k", "1"), ("k", "2")]), Err(MetadataError::Duplicate("k".into())));
    assert_eq!(
        Metadata::new([("k", "1"), ("K", "2")]).unwrap().iter().collect::<Vec<_>>(),
        [("k", "1"), ("K", "2")]
    );
}

#[test]
fn metadata_is_refused_in_the_words_of_the_service() {
    assert_eq!(
        metadata("a b", "").unwrap_err().to_string(),
        "Metadata key 'a b' contains invalid characters."
    );
    assert_eq!(metadata("k", "é").unwrap_err().to_string(), "Metadata value for key 'k' must be ASCII.");
    let long = "k".repeat(257);
    assert_eq!(
        metadata(&long, "").unwrap_err().to_string(),
        format!("Metadata key '{long}' exceeds 256 bytes.")
    );
    assert_eq!(
        metadata("k", &"v".repeat(1025)).unwrap_err().to_string(),
        "Metadata value for key 'k' exceeds 1024 bytes."
    );
    assert_eq!(MetadataError::TooLarge.to_string(), "Metadata exceeds 8192 bytes.");
    assert_eq!(NameError::Group.to_string(), "Invalid group name.");
}

proptest! {
    #[test]
    fn a_connection_id_survives_its_text_form(random in any::<u128>(), worker in any::<u8>()) {
        let id = ConnectionId::new(random, worker);
        prop_assert_eq!(ConnectionId::parse(&id.to_string()), Some(id));
        let digits = id.digits();
        prop_assert_eq!(digits.as_str(), id.to_string());
        prop_assert_eq!(id.worker(), worker);
    }

    #[test]
    fn names_never_panic(text in any::<String>()) {
        let long_enough = text.encode_utf16().count() <= 1024 && !text.trim().is_empty();
        prop_assert_eq!(GroupName::parse(&text).is_ok(), long_enough);
        let _judged = (HubName::parse(&text), EventName::parse(&text), UserId::parse(&text), ConnectionId::parse(&text));
    }
}
