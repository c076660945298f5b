//! What must never stand in a log. One test only: a process has one log.
#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use hubwire_acceptance::{
    ACCESS_KEY, CONSOLE, Console, Frame, OPERATOR_TOKEN, Rest, Setup, Subprotocol, Token, VIEWER_TOKEN,
    eventually,
};
use tracing_subscriber::fmt::MakeWriter;

const OTHER_KEY: &str = "another access key, with which wrong tokens are signed";

/// A log that is kept in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

#[test]
fn tokens_keys_and_messages_never_stand_in_the_log() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let site = Setup::default().workers(2).table(CONSOLE).start();
    let authority = site.authority();
    let mut secrets = vec![ACCESS_KEY.to_owned(), OTHER_KEY.to_owned(), "the payload".to_owned()];

    // Clients with tokens that are good, of another key, for another hub, and none at all.
    let token = Token::new().user("u").every_group().group("g");
    let good = token.sign(ACCESS_KEY, &authority, "chat");
    let wrong_key = token.sign(OTHER_KEY, &authority, "chat");
    let wrong_hub = token.sign(ACCESS_KEY, &authority, "elsewhere");
    for (token, status) in
        [(&good, 101), (&wrong_key, 401), (&wrong_hub, 401), (&"no.token.atall".into(), 401)]
    {
        for hub in ["chat", "cha%74"] {
            let path = format!("/client/hubs/{hub}?access_token={token}");
            assert_eq!(site.handshake(&token_of_nobody()).path(&path).status(), status);
        }
    }
    let bad_hub = site.handshake(&token_of_nobody()).path(&format!("/client/hubs/1?access_token={good}"));
    assert_eq!(bad_hub.status(), 400);
    secrets.extend([good.clone(), wrong_key, wrong_hub, "no.token.atall".to_owned()]);

    // A reliable client that comes back, with the right token and with a broken one.
    let reliable = site.handshake(&token).subprotocol(Subprotocol::Reliable);
    let mut client = reliable.open();
    client.publish("g", "the payload");
    assert_eq!(client.data(), "the payload");
    secrets.push(client.reconnection_token.clone());
    let recovery = client.recovery(&reliable);
    assert_eq!(recovery.upgrade(b"").data(), "the payload");
    client.reconnection_token.push('x');
    assert_eq!(client.recovery(&reliable).upgrade(b"").closed().0, 1008);

    // Clients that break their protocol.
    let mut broken = site.handshake(&token).open();
    broken.say(r#"{"type":"sendToGroup","group":"g","data":"the payload""#);
    assert_eq!(broken.closed().0, 1007);
    let mut broken = site.handshake(&token).open();
    broken.send(&Frame::text("the payload").unmasked());
    assert_eq!(broken.closed().0, 1002);
    site.wire().send(format!("GET /client/hubs/chat?access_token={good} HTTP/1.1\r\nno header\r\n\r\n"));

    // Applications with and without the right key.
    let path = "/api/hubs/chat/:send";
    for (key, status) in [(ACCESS_KEY, 202), (OTHER_KEY, 401)] {
        secrets.push(Token::rest(key, &authority, path));
        let rest = Rest::new(site.address(), key);
        assert_eq!(rest.call("POST", path, "text/plain", "the payload").status, status);
        assert_ne!(rest.call("POST", path, "application/json", "the payload").status, 202);
        rest.call("POST", "/api/hubs/chat/:generateToken", "text/plain", "");
    }

    // People at the console, who see what happens, and some who should not.
    let guessed = "a console token that somebody guessed";
    secrets.extend([OPERATOR_TOKEN, VIEWER_TOKEN, guessed].map(str::to_owned));
    site.console().record();
    assert_eq!(
        site.console().post("hubs/chat/client-url", "{}")["subprotocols"].as_array().unwrap().len(),
        4
    );
    let overview = "/console/api/overview";
    assert_eq!(Console::bearer(site.address(), guessed).call("GET", overview, "").status, 401);
    let signing_in = format!("{{\"token\":\"{VIEWER_TOKEN}\"}}");
    assert_eq!(site.console().call("POST", "/console/api/session", &signing_in).status, 200);

    // A configuration that is wrong beside its key.
    let wrong = format!("access_key = \"{OTHER_KEY}\"\nworkers = \"{ACCESS_KEY}\n");
    site.write(&wrong);
    site.running().reload();
    site.write(&format!("access_key = \"{OTHER_KEY};\""));
    site.running().reload();

    eventually("all of this is in the log", || {
        let text = log.text();
        ["a client was refused", "refused a REST request", "changes nothing", "wrong token"]
            .iter()
            .all(|part| text.contains(part))
    });
    drop(site);
    let text = log.text();
    for secret in &secrets {
        // A token's signature alone would not let anyone in, but has no place here either.
        let signature = secret.rsplit('.').next().unwrap();
        assert!(!text.contains(signature), "{secret} is in\n{text}");
    }
    assert!(!text.contains("access_token="), "no query belongs into a log:\n{text}");
    // Each of the managed service's categories can be told apart.
    for (target, category) in [
        ("hubwire::connectivity", "ConnectivityLogs"),
        ("hubwire::messaging", "MessagingLogs"),
        ("hubwire::http", "HttpRequestLogs"),
    ] {
        let found = text.lines().any(|line| line.contains(target) && line.contains(category));
        assert!(found, "{category} is not in\n{text}");
    }
}

fn token_of_nobody() -> Token {
    Token::new()
}
