//! What the metrics say. One test only: servers of one process share their metrics, so a second one would be counted as well.
#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

use std::net::{SocketAddr, TcpListener};

use hubwire_acceptance::{ACCESS_KEY, Response, Setup, Subprotocol, Token, Wire, eventually};

fn get(address: SocketAddr, path: &str) -> Response {
    let mut wire = Wire::connect(address);
    wire.send(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n"));
    wire.read_response()
}

/// The sum of a metric over all of its labels that contain `label`; `None` if it is not shown.
fn value(page: &str, name: &str, label: &str) -> Option<f64> {
    let samples = page.lines().filter(|line| !line.starts_with('#') && line.contains(label));
    let samples = samples.filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        (series.split('{').next() == Some(name)).then(|| value.parse::<f64>().unwrap())
    });
    samples.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

#[test]
fn the_metrics_show_what_happens_and_no_secrets() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let site = Setup::default()
        .workers(2)
        .limit("connections_max", 4)
        .limit("inbox_messages_max", 64)
        .table(&format!("[metrics]\nlisten = \"{address}\""))
        .start();
    let expect = |name: &str, label: &str, expected: f64| {
        eventually(&format!("{name} {label} is {expected}"), || {
            value(&get(address, "/metrics").text(), name, label) == Some(expected)
        });
    };

    let token = Token::new().user("metrics-user").every_group();
    let mut clients: Vec<_> = (0..3).map(|_| site.handshake(&token).open()).collect();
    let reliable = site.handshake(&token).subprotocol(Subprotocol::Reliable);
    let session = reliable.open();
    assert_eq!(site.handshake(&token).status(), 429);
    assert_eq!(site.handshake(&token).path("/client/hubs/chat?access_token=wrong").status(), 401);
    expect("webpubsub_connections", "", 4.0);
    expect("webpubsub_connection_opens_total", "", 4.0);
    expect("webpubsub_connections_refused_total", "limit=\"connections_max\"", 1.0);
    expect("webpubsub_client_requests_status_total", "status=\"101\"", 4.0);
    expect("webpubsub_client_requests_status_total", "status=\"401\"", 1.0);
    expect("webpubsub_client_requests_status_total", "status=\"429\"", 1.0);

    clients[0].join("metrics-group", 1);
    clients[0].publish("metrics-group", "hello");
    assert_eq!(clients[0].data(), "hello");
    let ack = clients[0].request(r#"{"type":"joinGroup","group":"metrics-group","ackId":1}"#);
    assert_eq!(ack["error"]["name"], "Duplicate", "{ack}");
    clients[1].say("no message at all");
    assert_eq!(clients[1].closed().0, 1007);
    expect("webpubsub_client_requests_total", "", 3.0);
    expect("webpubsub_duplicate_requests_total", "", 1.0);
    expect("webpubsub_invalid_messages_total", "", 1.0);
    expect("webpubsub_connection_closes_total", "", 1.0);

    let recovery = session.recovery(&reliable);
    drop(session);
    expect("webpubsub_session_detaches_total", "", 1.0);
    let _session = recovery.upgrade(b"");
    expect("webpubsub_session_recoveries_total", "", 1.0);

    site.rest().send_text("/api/hubs/chat", "to all");
    let wrong = hubwire_acceptance::Rest::new(site.address(), "a key that is not the one of this service");
    assert_eq!(wrong.call("POST", "/api/hubs/chat/:send", "text/plain", "").status, 401);
    expect("webpubsub_rest_requests_total", "status=\"202\"", 1.0);
    expect("webpubsub_rest_requests_total", "status=\"401\"", 1.0);

    site.write("this is no toml");
    site.running().reload();
    eventually("the failed reload is counted", || {
        value(&get(address, "/metrics").text(), "webpubsub_reload_failures_total", "") >= Some(1.0)
    });

    let refused = flood(&site);
    assert_eq!(value(&get(address, "/metrics").text(), "webpubsub_inbox_refusals_total", ""), refused);

    let page = get(address, "/metrics").text();
    for secret in [ACCESS_KEY, "access_token", "metrics-user", "metrics-group", "eyJ", &clients[0].id] {
        assert!(!page.contains(secret), "{secret} is in\n{page}");
    }
    for path in ["/", "/metrics/", "/metrics?x=1", "/api/health"] {
        let status = get(address, path).status;
        assert_eq!(status, if path.starts_with("/metrics?") { 200 } else { 404 }, "{path}");
    }
    assert_eq!(get(site.address(), "/metrics").status, 404, "clients and applications see no metrics");
}

/// Sends more at once than an inbox of 64 may hold, until some are refused; yields how many were.
fn flood(site: &hubwire_acceptance::Site) -> Option<f64> {
    const CALLERS: usize = 300;
    let path = "/api/hubs/chat/connections/none";
    let mut refused = 0.0;
    eventually("an inbox runs full", || {
        let mut wires: Vec<_> = (0..CALLERS).map(|_| site.wire()).collect();
        let call = site.rest().head("HEAD", "/api/hubs/chat/groups/none") + "\r\n";
        for wire in &mut wires {
            wire.send(&call);
        }
        for wire in &mut wires {
            match wire.read_head().status {
                404 => {}
                503 => refused += 1.0,
                status => panic!("{path} answers {status}"),
            }
        }
        refused > 0.0
    });
    Some(refused)
}
