//! Which texts are keys, and that keys stay secret.

use hubwire_auth::{ACCESS_KEY_BYTES_MAX, AccessKey, AccessKeyError, AccessKeys, DEVELOPMENT_KEY};

#[test]
fn a_key_must_follow_the_rules_of_the_service() {
    let ok = "k".repeat(32);
    let cases = [
        (ok.clone(), None),
        ("ü".repeat(16), None),
        (format!("{ok} with = and blanks inside"), None),
        ("k".repeat(31), Some(AccessKeyError::TooShort)),
        (String::new(), Some(AccessKeyError::TooShort)),
        ("k".repeat(ACCESS_KEY_BYTES_MAX), None),
        ("k".repeat(ACCESS_KEY_BYTES_MAX + 1), Some(AccessKeyError::TooLong)),
        (format!("{ok};"), Some(AccessKeyError::Semicolon)),
        (format!("{ok}\u{7}x"), Some(AccessKeyError::ControlCharacter)),
        (format!("{ok} "), Some(AccessKeyError::OuterWhiteSpace)),
        (format!("{ok}\n"), Some(AccessKeyError::OuterWhiteSpace)),
        (format!(" {ok}"), Some(AccessKeyError::OuterWhiteSpace)),
    ];
    for (text, error) in cases {
        assert_eq!(AccessKey::new(text.clone()).err(), error, "{text:?}");
    }
}

#[test]
fn the_development_key_is_known_as_such() {
    assert!(AccessKey::new(DEVELOPMENT_KEY).unwrap().is_development());
    assert!(!AccessKey::new("k".repeat(44)).unwrap().is_development());
}

#[test]
fn keys_are_equal_only_if_every_byte_is() {
    let key = |text: &str| AccessKey::new(text).unwrap();
    let text = "k".repeat(40);
    assert_eq!(key(&text), key(&text));
    assert_ne!(key(&text), key(&"k".repeat(41)));
    assert_ne!(key(&text), key(&format!("{}x", "k".repeat(39))));
    assert_ne!(key(&text), key(&format!("x{}", "k".repeat(39))));
}

#[test]
fn printing_keys_does_not_show_them() {
    let key = AccessKey::new(DEVELOPMENT_KEY).unwrap();
    let keys = AccessKeys { primary: key.clone(), secondary: Some(key.clone()) };
    let printed = format!("{keys:?} {key:?}");
    assert!(printed.contains("redacted"));
    assert!(!printed.contains("ABCDEFGH"));
}
