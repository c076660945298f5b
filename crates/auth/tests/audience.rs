//! Which audiences open which addresses.

mod tokens;

use hubwire_auth::{TokenError, client_audience_allows, rest_audience_allows};
use serde_json::json;
use tokens::claims_for;

fn rest(audience: &str, path: &str) -> bool {
    rest_audience_allows(&claims_for(json!(audience)), &["localhost:8080"], path).is_ok()
}

#[test]
fn a_rest_token_opens_the_url_it_was_made_for() {
    let path = "/api/hubs/chat/connections";
    let cases = [
        ("http://localhost:8080/api/hubs/chat/connections", true),
        ("https://localhost:8080/api/hubs/chat/connections", true),
        ("WS://localhost:8080/api/hubs/chat/connections", true),
        ("wss://LOCALHOST:8080/API/hubs/CHAT/connections", true),
        ("http://localhost:8080/api/hubs/chat/connections/", true),
        ("http://localhost:8080/api/hubs/chat/connections?api-version=2024-12-01", true),
        ("http://localhost:8080/api/hubs/chat/connections/child", true),
        ("http://localhost:8080/api/hubs/chat/connections/child?x=1", true),
        ("http%3A%2F%2Flocalhost%3A8080%2Fapi%2Fhubs%2Fchat%2Fconnections", true),
        ("http://localhost:8080/api/hubs/%63hat/connections", true),
        // A parent does not open its child, nor does text that merely begins alike.
        ("http://localhost:8080/api/hubs/chat", false),
        ("http://localhost:8080", false),
        ("http://localhost:8080/api/hubs/chat/connectionsSuffix", false),
        ("http://localhost:8080/api/hubs/chat/connections#x", false),
        ("http://localhost:8080/api/hubs/other/connections", false),
        ("ftp://localhost:8080/api/hubs/chat/connections", false),
        ("localhost:8080/api/hubs/chat/connections", false),
        ("//localhost:8080/api/hubs/chat/connections", false),
        ("http://localhost/api/hubs/chat/connections", false),
        ("http://localhost:80801/api/hubs/chat/connections", false),
        ("http://evil.example/localhost:8080/api/hubs/chat/connections", false),
        ("http://x@localhost:8080/api/hubs/chat/connections", false),
        // Decoded once, not twice.
        ("http://localhost:8080/api/hubs/%2563hat/connections", false),
        ("https://webpubsub.azure.com", false),
        ("", false),
        ("http://", false),
        ("%", false),
    ];
    for (audience, allowed) in cases {
        assert_eq!(rest(audience, path), allowed, "{audience}");
        assert_eq!(
            rest(audience, &format!("{path}/")),
            allowed,
            "{audience} for a path with a slash at its end"
        );
    }
}

#[test]
fn escapes_in_rest_audiences_follow_the_partial_decoding_of_paths() {
    // The request path was decoded once with %2F left as it is.
    let path = "/api/hubs/chat/groups/room%2Fpart/:send";
    assert!(rest("http://localhost:8080/api/hubs/chat/groups/room%2Fpart/:send?x=1", path));
    assert!(rest("http://localhost:8080/api/hubs/chat/groups/room%2fpart/:send", path));
    assert!(!rest("http://localhost:8080/api/hubs/chat/groups/room/part/:send", path));
    assert!(rest("http://localhost:8080/api/hubs/chat/groups/room%252Fpart/:send", path));

    // Mixed escaping: only the partially decoded form opens it, the raw URL does not.
    let path = "/api/hubs/chat[1]/groups/room%2Fpart/:send";
    assert!(rest("http://localhost:8080/api/hubs/chat[1]/groups/room%2Fpart/:send", path));
    assert!(!rest("http://localhost:8080/api/hubs/chat%5B1%5D/groups/room%2Fpart/:send", path));
    assert!(rest("http://localhost:8080/api/hubs/chat%5B1%5D/groups/room", "/api/hubs/chat[1]/groups/room"));

    let path = "/api/hubs/chat/users/a b";
    assert!(rest("http://localhost:8080/api/hubs/chat/users/a%20b", path));
    assert!(rest("http://localhost:8080/api/hubs/chat/users/a+b", path));
    assert!(rest("http://localhost:8080/api/hubs/chat/users/a+b", "/api/hubs/chat/users/a+b"));
}

#[test]
fn a_question_mark_inside_a_path_ends_no_audience() {
    let path = "/api/hubs/chat/users/who?";
    assert!(rest("http://localhost:8080/api/hubs/chat/users/who%3F", path));
    assert!(rest("http://localhost:8080/api/hubs/chat/users/who%3F/x", path));
    assert!(!rest("http://localhost:8080/api/hubs/chat/users/who??x=1", path));
    // The official clients sign the whole URL: its query begins at the question mark that is not escaped.
    assert!(rest("http://localhost:8080/api/hubs/chat/users/who%3F?api-version=2024-12-01", path));
    assert!(rest("http://localhost:8080/api/hubs/chat/users/who%3F/x?filter=a%3Fb", path));
    assert!(!rest("http://localhost:8080/api/hubs/chat/users/who?%3F", path));
    assert!(!rest("http://localhost:8080/api/hubs/chat/users/who%3Fs?api-version=2024-12-01", path));
}

#[test]
fn letters_that_only_look_alike_are_different() {
    let path = "/api/hubs/chat/groups/is";
    assert!(rest("http://localhost:8080/api/hubs/chat/groups/IS", path));
    assert!(!rest("http://localhost:8080/api/hubs/chat/groups/ıs", path));
    assert!(!rest("http://localhost:8080/api/hubs/chat/groups/iſ", path));
    assert!(rest("http://localhost:8080/api/hubs/chat/groups/ÜBER", "/api/hubs/chat/groups/über"));
}

#[test]
fn one_of_many_audiences_and_one_of_many_authorities_is_enough() {
    let claims = claims_for(json!(["https://other.example/x", "https://public.example/api/hubs/chat/:send"]));
    let path = "/api/hubs/chat/:send";
    assert!(rest_audience_allows(&claims, &["127.0.0.1:8080", "public.example"], path).is_ok());
    assert!(rest_audience_allows(&claims, &["127.0.0.1:8080", ""], path).is_err());
    assert!(rest_audience_allows(&claims_for(json!([])), &["public.example"], path).is_err());
    let pathless = claims_for(json!("https:///api/hubs/chat/:send"));
    assert!(rest_audience_allows(&pathless, &[""], path).is_err());
}

#[test]
fn a_refused_audience_is_explained() {
    let error =
        rest_audience_allows(&claims_for(json!(["http://a/x", "b"])), &["h:1", "p"], "/api").unwrap_err();
    let expected = "https://h:1/api, https://p/api".to_owned();
    assert_eq!(error, TokenError::Audience { expected, actual: "http://a/x, b".to_owned() });
    let text = "Failed to validate audience. Expected Audiences: https://h:1/api, https://p/api. \
                Actual Audiences: http://a/x, b";
    assert_eq!(error.to_string(), text);
}

fn client(audience: &str, path: &str, hub: &str) -> bool {
    client_audience_allows(&claims_for(json!(audience)), &["localhost:8080", "public.example"], path, hub)
        .is_ok()
}

#[test]
fn a_client_token_opens_exactly_its_hub() {
    let cases = [
        ("http://localhost:8080/client/hubs/chat", true),
        ("https://localhost:8080/client/hubs/chat", true),
        ("ws://localhost:8080/client/hubs/chat", true),
        ("wss://public.example/client/hubs/chat", true),
        ("HTTP://LocalHost:8080/Client/Hubs/CHAT", true),
        ("http://localhost:8080/client/hubs/%63hat", true),
        ("http://localhost:8080/client/hubs/chat/", false),
        ("http://localhost:8080/client/hubs/chat?x=1", false),
        ("http://localhost:8080/client/hubs/chat/child", false),
        ("http://localhost:8080/client/hubs/cha", false),
        ("http://localhost:8080/client/hubs/chatter", false),
        ("http://localhost:8080/client/hubs/", false),
        ("http://localhost:8080/client/hubs", false),
        ("http://localhost:8080", false),
        ("http://localhost:80801/client/hubs/chat", false),
        ("http://localhost/client/hubs/chat", false),
        ("http://other.example/client/hubs/chat", false),
        ("ftp://localhost:8080/client/hubs/chat", false),
        ("localhost:8080/client/hubs/chat", false),
        ("http://localhost:8080/clients/mqtt/hubs/chat", false),
        ("", false),
        // The older ways to name the hub.
        ("http://localhost:8080/client/?hub=chat", true),
        ("https://public.example/client?hub=CHAT", true),
        ("http://localhost:8080/client/", false),
        ("http://localhost:8080/client/?hub=other", false),
        ("http://localhost:8080/client/?hub=", false),
        ("http://localhost:8080/client/?hub=chat&x=1", false),
        ("http://localhost:8080/client", false),
    ];
    for (audience, allowed) in cases {
        assert_eq!(client(audience, "/client/hubs/chat", "chat"), allowed, "{audience}");
    }
}

#[test]
fn a_hub_in_a_client_audience_may_be_escaped() {
    for audience in
        ["http://localhost:8080/client/hubs/chat[1]", "http://localhost:8080/client/hubs/chat%5b1%5D"]
    {
        assert!(client(audience, "/client/hubs/chat[1]", "chat[1]"), "{audience}");
        assert!(client(audience, "/client/hubs/chat%5B1%5D", "chat[1]"), "{audience}");
        assert!(!client(audience, "/client/hubs/chat1", "chat1"), "{audience}");
    }
}

#[test]
fn an_audience_without_a_hub_opens_the_older_url_only() {
    let hubless = "http://localhost:8080/client/";
    assert!(client(hubless, "/client/", "chat"));
    assert!(client("http://localhost:8080/client/hubs/chat", "/client/", "chat"));
    assert!(client("http://localhost:8080/client/?hub=chat", "/client/", "chat"));
    assert!(!client("http://localhost:8080/client/?hub=other", "/client/", "chat"));
    assert!(!client(hubless, "/client/hubs/chat", "chat"));
}

#[test]
fn other_client_endpoints_want_their_own_path() {
    let path = "/clients/mqtt/hubs/chat";
    assert!(client("https://localhost:8080/clients/mqtt/hubs/chat", path, "chat"));
    for audience in ["/client/hubs/chat", "/client/?hub=chat", "/client/", "/clients/socketio/hubs/chat"] {
        assert!(!client(&format!("https://localhost:8080{audience}"), path, "chat"), "{audience}");
    }
}

#[test]
fn a_path_that_is_none_opens_nothing() {
    assert!(!client("http://localhost:8080chat", "chat", "chat"));
}

#[test]
fn a_refused_client_audience_is_explained() {
    let refused = client_audience_allows(&claims_for(json!("x")), &["h"], "/client/hubs/chat", "chat");
    let expected = "https://h/client/hubs/chat".to_owned();
    assert_eq!(refused, Err(TokenError::Audience { expected, actual: "x".to_owned() }));
}

proptest::proptest! {
    #[test]
    fn no_audience_makes_the_checks_panic(audience: String, authority: String, path: String, hub: String) {
        let claims = claims_for(json!(audience));
        let _outcome = rest_audience_allows(&claims, &[&authority], &path);
        let _outcome = client_audience_allows(&claims, &[&authority], &path, &hub);
    }
}
