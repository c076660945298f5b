//! Connection strings as the official clients write and read them.

use hubwire_auth::{AccessKey, AccessKeyError, ConnectionString, ConnectionStringError, DEVELOPMENT_KEY};

fn endpoint(text: &str) -> Result<String, ConnectionStringError> {
    let text = text.replace("KEY", DEVELOPMENT_KEY);
    ConnectionString::parse(&text).map(|parsed| {
        assert_eq!(parsed.access_key().expose(), DEVELOPMENT_KEY);
        parsed.endpoint().to_owned()
    })
}

#[test]
fn what_is_printed_is_read_again() {
    let key = AccessKey::new(DEVELOPMENT_KEY).unwrap();
    let printed = ConnectionString::new("http://localhost:8080", key).unwrap();
    let text = printed.expose();
    assert_eq!(text, format!("Endpoint=http://localhost:8080;AccessKey={DEVELOPMENT_KEY};Version=1.0;"));
    assert_eq!(ConnectionString::parse(&text).unwrap(), printed);
}

#[test]
fn settings_are_read_as_official_clients_read_them() {
    let cases = [
        ("Endpoint=https://a.example;AccessKey=KEY;Version=1.0;", "https://a.example"),
        ("Endpoint=https://a.example;AccessKey=KEY", "https://a.example"),
        ("accesskey=KEY; ENDPOINT=https://a.example/;version=9", "https://a.example"),
        ("Endpoint=a.example;AccessKey=KEY", "https://a.example"),
        ("Endpoint=httpbin.example;AccessKey=KEY", "https://httpbin.example"),
        ("Endpoint=http://a.example;AccessKey=KEY;Port=8080", "http://a.example:8080"),
        ("Endpoint=http://a.example:1/p;AccessKey=KEY;Port=8080", "http://a.example:8080/p"),
        ("Endpoint=http://[::1];AccessKey=KEY;Port=8080", "http://[::1]:8080"),
        ("Endpoint=http://[::1]:9;AccessKey=KEY;Port=8080", "http://[::1]:8080"),
        ("Endpoint=http://old.example;Endpoint=http://a.example;AccessKey=KEY", "http://a.example"),
        ("Endpoint=https://a.example;AccessKey=KEY;Other=x=y;;", "https://a.example"),
    ];
    for (text, expected) in cases {
        assert_eq!(endpoint(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn a_key_may_contain_equals_signs() {
    let key = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYw==";
    let parsed = ConnectionString::parse(&format!("Endpoint=http://a;AccessKey={key};")).unwrap();
    assert_eq!(parsed.access_key().expose(), key);
}

#[test]
fn what_is_wrong_is_named() {
    use ConnectionStringError as Error;
    let cases = [
        ("", Error::EndpointMissing),
        ("AccessKey=KEY", Error::EndpointMissing),
        ("Endpoint=;AccessKey=KEY", Error::EndpointMissing),
        ("Endpoint=ftp://a;AccessKey=KEY", Error::EndpointInvalid),
        ("Endpoint=http://:80;AccessKey=KEY", Error::EndpointInvalid),
        ("Endpoint=http://;AccessKey=KEY", Error::EndpointInvalid),
        ("Endpoint=http://a b;AccessKey=KEY", Error::EndpointInvalid),
        ("Endpoint=http://a", Error::AccessKeyMissing),
        ("Endpoint=http://a;AccessKey=", Error::AccessKeyMissing),
        ("Endpoint=http://a;AccessKey=short", Error::AccessKey(AccessKeyError::TooShort)),
        ("Endpoint=http://a;AccessKey=KEY;Port=0", Error::PortInvalid),
        ("Endpoint=http://a;AccessKey=KEY;Port=x", Error::PortInvalid),
        ("Endpoint=http://a;AccessKey=KEY;Port=65536", Error::PortInvalid),
        ("http://localhost:8080", Error::NoValue),
    ];
    for (text, expected) in cases {
        assert_eq!(endpoint(text), Err(expected), "{text}");
    }
    assert_eq!(endpoint(&"Other=x;".repeat(2000)), Err(Error::TooLong));
}

#[test]
fn printing_a_connection_string_for_a_log_hides_its_key() {
    let parsed = ConnectionString::parse(&format!("Endpoint=http://a;AccessKey={DEVELOPMENT_KEY}")).unwrap();
    assert_eq!(format!("{parsed:?}"), "ConnectionString(http://a, redacted)");
}
