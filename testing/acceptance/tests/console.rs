//! The console: who gets in, what it shows, what it does.
#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

use hubwire_acceptance::{
    CONSOLE, Console, OPERATOR_TOKEN, Setup, Site, Subprotocol, Token, VIEWER_TOKEN, Wire, eventually,
};
use serde_json::Value;

fn site() -> Site {
    Setup::default().table(CONSOLE).start()
}

/// A service as one starts it without any setting: its key is public.
fn development() -> Site {
    Setup::default().settings("").start()
}

fn code(response: &hubwire_acceptance::Response) -> (u16, String) {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    (response.status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

const OVERVIEW: &str = "/console/api/overview";

#[test]
fn on_a_development_machine_everybody_is_an_operator() {
    let site = development();
    let console = Console::new(site.address(), "");
    let session = console.get("session");
    assert_eq!((&session["role"], &session["how"]), (&"operator".into(), &"open".into()));
    assert!(site.running().banner().contains("/console/"), "{}", site.running().banner());
}

#[test]
fn a_name_of_somebody_else_that_points_here_opens_nothing() {
    let site = development();
    let mut wire = Wire::connect(site.address());
    wire.send(format!("GET {OVERVIEW} HTTP/1.1\r\nhost: evil.example\r\n\r\n"));
    assert_eq!(code(&wire.read_response()), refused(403, "wrongHost"));
}

#[test]
fn with_a_key_of_its_own_and_no_token_the_console_is_closed() {
    let site = Site::start();
    let console = Console::new(site.address(), "x-hubwire-console: 1\r\n");
    assert_eq!(code(&console.call("GET", OVERVIEW, "")), refused(403, "closed"));
    assert!(!site.running().banner().contains("/console/"));
}

#[test]
fn a_token_is_needed_and_a_wrong_one_is_not_enough() {
    let site = site();
    let stranger = Console::new(site.address(), "");
    assert_eq!(code(&stranger.call("GET", OVERVIEW, "")), refused(401, "signInRequired"));
    let wrong = Console::bearer(site.address(), "a-token-that-somebody-guessed");
    assert_eq!(code(&wrong.call("GET", OVERVIEW, "")), refused(401, "wrongToken"));
}

#[test]
fn guessing_tokens_is_stopped() {
    let site = site();
    let wrong = Console::bearer(site.address(), "a-token-that-somebody-guessed");
    eventually("guessing is stopped", || code(&wrong.call("GET", OVERVIEW, "")).0 == 429);
}

#[test]
fn an_access_key_does_not_open_the_console() {
    let site = site();
    let token = Token::rest(hubwire_acceptance::ACCESS_KEY, &site.authority(), OVERVIEW);
    let console = Console::bearer(site.address(), &token);
    assert_eq!(code(&console.call("GET", OVERVIEW, "")), refused(401, "wrongToken"));
}

#[test]
fn a_cookie_carries_the_role_until_it_is_given_back() {
    let site = site();
    let stranger = Console::new(site.address(), "x-hubwire-console: 1\r\n");
    let body = format!(r#"{{"token":"{VIEWER_TOKEN}"}}"#);
    let response = stranger.call("POST", "/console/api/session", &body);
    let cookie = response.header("set-cookie").unwrap().to_owned();
    for word in ["HttpOnly", "SameSite=Strict", "Path=/console/"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    let pair = cookie.split(';').next().unwrap();
    let viewer = Console::new(site.address(), &format!("cookie: {pair}\r\nx-hubwire-console: 1\r\n"));
    assert_eq!(viewer.get("session")["role"], "viewer");
    let action = r#"{"action":"close","all":true}"#;
    let acted = viewer.call("POST", "/console/api/hubs/chat/actions", action);
    assert_eq!(code(&acted), refused(403, "viewerOnly"));
    assert_eq!(code(&viewer.call("POST", "/console/api/hubs/chat/client-url", "{}")).0, 403);
    assert_eq!(viewer.call("DELETE", "/console/api/session", "").status, 204);
    assert_eq!(code(&viewer.call("GET", OVERVIEW, "")), refused(401, "signInRequired"));
}

#[test]
fn a_page_of_another_site_cannot_act() {
    let site = development();
    let action = r#"{"action":"close","all":true}"#;
    let marked = "x-hubwire-console: 1\r\n";
    let foreign = format!("{marked}origin: http://evil.example\r\n");
    let elsewhere = format!("{marked}sec-fetch-site: cross-site\r\n");
    for headers in ["", &*foreign, &*elsewhere] {
        let console = Console::new(site.address(), headers);
        let response = console.call("POST", "/console/api/hubs/chat/actions", action);
        assert_eq!(code(&response), refused(403, "crossSite"), "{headers}");
    }
    let own = format!("{marked}origin: http://{}\r\nsec-fetch-site: same-origin\r\n", site.authority());
    let console = Console::new(site.address(), &own);
    assert_eq!(console.call("POST", "/console/api/hubs/chat/actions", action).status, 200);
}

#[test]
fn every_answer_forbids_frames_and_foreign_content() {
    let site = site();
    let stranger = Console::new(site.address(), "");
    for path in ["/console/", OVERVIEW, "/console/nothing.js"] {
        let response = stranger.call("GET", path, "");
        let policy = response.header("content-security-policy").unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(response.header("x-frame-options"), Some("DENY"), "{path}");
    }
    assert_eq!(stranger.call("GET", "/console", "").header("location"), Some("/console/"));
}

#[test]
fn a_console_can_be_switched_off() {
    let site = Setup::default().settings("").table("[console]\nenabled = false").start();
    let console = Console::new(site.address(), "");
    assert_eq!(console.call("GET", OVERVIEW, "").status, 404);
    assert_eq!(console.call("GET", "/console/", "").status, 404);
}

/// Follows the trace until an event fits, and yields it.
fn awaited(site: &Site, query: &str, act: impl FnOnce(), fits: impl Fn(&Value) -> bool) -> Value {
    let mut wire = Wire::connect(site.address());
    wire.send(site.console().bytes("GET", &format!("/console/api/trace?{query}"), ""));
    // The head and the first status are there, so everything from now on is followed.
    let mut seen = wire.read_until("event: status");
    act();
    for _ in 0..20_000 {
        for line in seen.lines().filter_map(|line| line.strip_prefix("data: ")) {
            if let Ok(event) = serde_json::from_str::<Value>(line)
                && fits(&event)
            {
                return event;
            }
        }
        seen = wire.read_until("\n\n");
    }
    panic!("the event does not come");
}

#[test]
fn a_refused_handshake_is_traced_with_its_reason() {
    let site = site();
    let handshake = site.handshake(&Token::new()).path("/client/hubs/chat?access_token=nonsense");
    let refused = || assert_eq!(handshake.status(), 401);
    let event = awaited(&site, "level=warning", refused, |event| event["kind"] == "connectionRefused");
    assert_eq!((&event["hub"], &event["detail"]["status"]), (&"chat".into(), &401.into()));
    assert!(!event.to_string().contains("nonsense"), "tokens are never shown: {event}");
}

#[test]
fn a_life_of_a_connection_is_traced() {
    let site = site();
    let act = || {
        let mut client = site.handshake(&Token::new().user("u").every_group()).open();
        client.join("g", 1);
        client.request(r#"{"type":"sendToGroup","group":"g","dataType":"text","data":"hello","ackId":2}"#);
        let path = format!("/api/hubs/chat/connections/{}?reason=bye", client.id);
        assert_eq!(site.rest().call("DELETE", &path, "text/plain", "").status, 204);
    };
    let kinds = std::cell::RefCell::new(Vec::new());
    let event = awaited(&site, "user=u", act, |event| {
        kinds.borrow_mut().push(event["kind"].as_str().unwrap_or_default().to_owned());
        event["kind"] == "connectionClosed"
    });
    let kinds = kinds.into_inner();
    let expected = ["connectionOpened", "groupJoined", "publish", "groupLeft", "connectionClosed"];
    let seen: Vec<_> = kinds.iter().filter(|kind| expected.contains(&kind.as_str())).collect();
    assert_eq!(seen, expected, "{kinds:?}");
    assert_eq!((&event["detail"]["by"], &event["detail"]["code"]), (&"application".into(), &1000.into()));
}

#[test]
fn a_client_of_which_nothing_is_heard_is_traced_as_such() {
    let site = Setup::default().limit("ping_interval_ms", 200).table(CONSOLE).start();
    let token = Token::new().user("u");
    let (mut plain, mut reliable) = (None, None);
    let handshake = site.handshake(&token);
    // Neither reads, so neither answers.
    let act = || plain = Some(handshake.open());
    let event = awaited(&site, "user=u", act, |event| event["kind"] == "connectionClosed");
    assert_eq!(event["detail"]["by"], "service", "{event}");
    assert!(event["detail"]["reason"].as_str().unwrap().contains("ping_interval_ms"), "{event}");
    let act = || reliable = Some(handshake.clone().subprotocol(Subprotocol::Reliable).open());
    let event = awaited(&site, "user=u&history=0", act, |event| event["kind"] == "connectionLost");
    assert_eq!(event["detail"]["reason"], "pingTimeout", "{event}");
}

#[test]
fn a_rest_call_is_traced_with_its_error() {
    let site = site();
    let act = || {
        let path = "/api/hubs/chat/groups/g/:send?filter=nonsense";
        assert_eq!(site.rest().call("POST", path, "text/plain", "hello").status, 400);
    };
    let event = awaited(&site, "kind=restCall&group=g", act, |event| event["kind"] == "restCall");
    assert_eq!(
        (&event["detail"]["operation"], &event["detail"]["status"]),
        (&"SendToGroup".into(), &400.into())
    );
    assert!(event["detail"]["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{event}");
}

#[test]
fn a_payload_is_shown_as_far_as_the_settings_say() {
    for (payloads, shown) in [("hidden", None), ("truncated", Some(256)), ("shown", Some(1000))] {
        let console = format!("{CONSOLE}\npayloads = \"{payloads}\"");
        let site = Setup::default().table(&console).start();
        let act = || site.rest().send_text("/api/hubs/chat", &"x".repeat(1000));
        let event = awaited(&site, "kind=publish", act, |event| event["kind"] == "publish");
        let payload = event["detail"]["payload"].as_str();
        assert_eq!(payload.map(str::len), shown, "{payloads}: {event}");
        assert_eq!(event["detail"]["bytes"], 1000);
    }
}

#[test]
fn a_viewer_that_comes_back_goes_on_where_it_was() {
    let site = site();
    let first = awaited(
        &site,
        "kind=publish",
        || site.rest().send_text("/api/hubs/chat", "one"),
        |event| event["kind"] == "publish",
    );
    site.rest().send_text("/api/hubs/chat", "two");
    let after = format!("kind=publish&after={}", first["seq"]);
    let next = awaited(&site, &after, || {}, |event| event["kind"] == "publish");
    assert_eq!(next["detail"]["payload"], "two");
}

#[test]
fn a_viewer_is_told_what_it_was_not_shown_and_slows_nobody() {
    let site = site();
    let mut client = site.handshake(&Token::new().every_group()).open();
    let flood = || {
        for _ in 0..5_000 {
            assert!(client.publish("g", "hello"));
        }
        // All of it has taken effect, whether or not anybody was shown it.
        client.settled();
    };
    let dropped = |event: &Value| {
        let count = |name: &str| event[name].as_u64().unwrap_or_default();
        count("dropped") + count("sourceDropped") > 0
    };
    let status = awaited(&site, "history=0", flood, dropped);
    assert_eq!(status["viewers"], 1, "{status}");
}

#[test]
fn viewers_are_limited_in_number() {
    let site = site();
    let bytes = site.console().bytes("GET", "/console/api/trace", "");
    let open = || {
        let mut wire = Wire::connect(site.address());
        wire.send(&bytes);
        wire.read_until("\r\n");
        wire
    };
    let viewers: Vec<_> = (0..32).map(|_| open()).collect();
    assert_eq!(code(&site.console().call("GET", "/console/api/trace", "")), refused(429, "tooManyViewers"));
    drop(viewers);
    eventually("there is room again", || site.console().get("overview")["viewers"] == 0);
}

#[test]
fn hubs_groups_users_and_connections_can_be_looked_through() {
    let site = Setup::default().workers(2).table(CONSOLE).start();
    let clients: Vec<_> = (0..5)
        .map(|number| {
            let token =
                Token::new().user(&format!("user{}", number % 2)).group("g").group(&format!("own{number}"));
            site.handshake(&token).open()
        })
        .collect();
    let console = site.console();
    let hub = &console.get("hubs")["items"][0];
    assert_eq!(hub.to_string(), r#"{"connections":5,"groups":6,"name":"chat","users":2}"#);
    let groups = console.get("hubs/chat/groups?search=OWN&limit=3");
    assert_eq!(groups["items"].as_array().unwrap().len(), 3);
    let rest =
        console.get(&format!("hubs/chat/groups?search=own&after={}", groups["next"].as_str().unwrap()));
    assert_eq!(rest["items"].as_array().unwrap().len(), 2);
    assert!(rest.get("next").is_none());
    let users = console.get("hubs/chat/users");
    assert_eq!(
        users["items"].to_string(),
        r#"[{"connections":3,"name":"user0"},{"connections":2,"name":"user1"}]"#
    );
    let of_user = console.get("hubs/chat/connections?user=user1");
    assert_eq!(of_user["items"].as_array().unwrap().len(), 2);
    let one = console.get(&format!("hubs/chat/connections/{}", clients[0].id));
    assert_eq!(one["groups"].to_string(), r#"["g","own0"]"#);
    assert_eq!((&one["attached"], &one["protocol"]), (&true.into(), &"json.webpubsub.azure.v1".into()));
    let missing =
        console.call("GET", "/console/api/hubs/other/connections/00000000000000000000000000000000", "");
    assert_eq!(code(&missing), refused(404, "notFound"));
}

#[test]
fn an_operator_acts_on_connections() {
    let site = site();
    let console = site.console();
    let mut client = site.handshake(&Token::new().user("u")).open();
    let act = |action: &str| {
        let action = action.replace("ID", &client.id);
        console.post("hubs/chat/actions", &action)["result"].as_str().unwrap().to_owned()
    };
    assert_eq!(act(r#"{"action":"addToGroup","connection":"ID","group":"g"}"#), "done");
    assert_eq!(act(r#"{"action":"grant","connection":"ID","group":"g","permission":"sendToGroup"}"#), "done");
    assert_eq!(act(r#"{"action":"send","group":"g","dataType":"json","data":{"a":1}}"#), "done");
    assert_eq!(act(r#"{"action":"removeFromGroup","user":"u","group":"g"}"#), "done");
    assert_eq!(act(r#"{"action":"addToGroup","user":"nobody","group":"g"}"#), "missing");
    let shown = console.get(&format!("hubs/chat/connections/{}", client.id));
    assert_eq!(shown["permissions"].to_string(), r#"["sendToGroup:g"]"#);
    assert_eq!(act(r#"{"action":"close","connection":"ID","reason":"bye"}"#), "done");
    assert_eq!(client.json()["data"].to_string(), r#"{"a":1}"#);
    assert_eq!(client.closed().0, 1000);
    let wrong = console.call("POST", "/console/api/hubs/chat/actions", r#"{"action":"dance"}"#);
    assert_eq!(code(&wrong), refused(400, "invalid"));
}

#[test]
fn a_client_url_of_the_console_connects() {
    let site = site();
    let wanted = r#"{"user":"u","roles":["webpubsub.sendToGroup.g"],"groups":["g"],"minutes":5}"#;
    let made = site.console().post("hubs/chat/client-url", wanted);
    let url = made["url"].as_str().unwrap();
    let path = url.strip_prefix(&format!("ws://{}", site.authority())).unwrap();
    let client = site.handshake(&Token::new()).path(path).subprotocol(Subprotocol::Reliable).open();
    let shown = site.console().get(&format!("hubs/chat/connections/{}", client.id));
    assert_eq!((&shown["user"], shown["groups"].to_string()), (&"u".into(), r#"["g"]"#.to_owned()));
}

#[test]
fn health_is_told_to_whoever_asks() {
    let site = Site::start();
    let anybody = Console::new(site.address(), "");
    assert_eq!(anybody.call("GET", "/healthz", "").text(), "ok\n");
    assert_eq!(anybody.call("GET", "/readyz", "").text(), "ready\n");
}

#[test]
fn the_last_hour_is_kept_for_plots() {
    let site = site();
    let _client = site.handshake(&Token::new().group("g")).open();
    let mut series = Value::Null;
    eventually("there is a point with the connection", || {
        series = site.console().get("series");
        series["series"]["connections"].as_array().is_some_and(|points| points.last() == Some(&1.0.into()))
    });
    let points = series["times"].as_array().unwrap().len();
    let all = series["series"].as_object().unwrap();
    assert_eq!(all.len(), 18);
    assert!(all.values().all(|values| values.as_array().unwrap().len() == points), "{series}");
}

#[test]
fn console_settings_that_make_no_sense_are_refused() {
    for (table, problem) in [
        ("operator_token = \"short\"", "at least 16 bytes"),
        ("payloads = \"some\"", "none of hidden, truncated and shown"),
        ("colour = \"red\"", "unknown field"),
    ] {
        let error = Setup::default().table(&format!("[console]\n{table}")).try_start().err().unwrap();
        assert!(error.to_string().contains(problem), "{error}");
        assert!(!error.to_string().contains("short\""), "secrets are not repeated: {error}");
    }
}

#[test]
fn a_changed_token_takes_its_sessions_with_it() {
    let site = site();
    let stranger = Console::new(site.address(), "x-hubwire-console: 1\r\n");
    let body = format!(r#"{{"token":"{OPERATOR_TOKEN}"}}"#);
    let response = stranger.call("POST", "/console/api/session", &body);
    let pair = response.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let operator = Console::new(site.address(), &format!("cookie: {pair}\r\n"));
    assert_eq!(operator.get("session")["role"], "operator");
    let changed = CONSOLE.replace(OPERATOR_TOKEN, "another-operator-token-entirely");
    site.write(&Setup::default().table(&changed).text());
    site.running().reload();
    assert_eq!(code(&operator.call("GET", OVERVIEW, "")), refused(401, "signInRequired"));
}
