use std::net::SocketAddr;

use serde_json::Value;

use crate::frame::{Frame, Opcode};
use crate::wire::Wire;

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subprotocol {
    /// Plain JSON.
    Json,
    /// Reliable JSON.
    Reliable,
    /// Nothing: a simple client.
    None,
}

impl Subprotocol {
    fn header(self) -> &'static str {
        match self {
            Self::Json => "sec-websocket-protocol: json.webpubsub.azure.v1\r\n",
            Self::Reliable => "sec-websocket-protocol: json.reliable.webpubsub.azure.v1\r\n",
            Self::None => "",
        }
    }
}

/// Pings that may come while a client waits for something else: at the default interval, twice the deadline has passed by then.
const PINGS_MAX: u32 = 3;

/// A WebSocket handshake (RFC 6455 §4.1) that is not sent yet; every part of it can be wrong.
#[derive(Debug, Clone)]
pub struct Handshake {
    address: SocketAddr,
    method: &'static str,
    version: &'static str,
    path: String,
    subprotocol: Subprotocol,
    key: Option<&'static str>,
    websocket_version: Option<&'static str>,
    narrow: bool,
}

impl Handshake {
    /// A plain JSON client of the hub `chat`.
    pub(crate) fn new(address: SocketAddr, token: &str) -> Self {
        Self {
            address,
            method: "GET",
            version: "HTTP/1.1",
            path: format!("/client/hubs/chat?access_token={token}"),
            subprotocol: Subprotocol::Json,
            key: Some("dGhlIHNhbXBsZSBub25jZQ=="),
            websocket_version: Some("13"),
            narrow: false,
        }
    }

    /// Gives the socket as little room for what arrives as the system allows, so that who does not read is noticed soon.
    #[must_use]
    pub fn narrow(&self) -> Self {
        Self { narrow: true, ..self.clone() }
    }

    /// The socket for it.
    ///
    /// # Panics
    /// If the address cannot be reached.
    #[track_caller]
    pub fn wire(&self) -> Wire {
        if self.narrow { Wire::narrow(self.address) } else { Wire::connect(self.address) }
    }

    /// Sets what the client speaks.
    #[must_use]
    pub fn subprotocol(mut self, subprotocol: Subprotocol) -> Self {
        self.subprotocol = subprotocol;
        self
    }

    /// Sets the method.
    #[must_use]
    pub fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    /// Sets the version of HTTP.
    #[must_use]
    pub fn http_version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// Sets path and query.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    /// Sets `Sec-WebSocket-Key`, or leaves it out.
    #[must_use]
    pub fn key(mut self, key: Option<&'static str>) -> Self {
        self.key = key;
        self
    }

    /// Sets `Sec-WebSocket-Version`, or leaves it out.
    #[must_use]
    pub fn websocket_version(mut self, version: Option<&'static str>) -> Self {
        self.websocket_version = version;
        self
    }

    /// Its bytes.
    pub fn bytes(&self) -> String {
        let mut head =
            format!("{} {} {}\r\nhost: {}\r\n", self.method, self.path, self.version, self.address);
        head.push_str("connection: Upgrade\r\nupgrade: websocket\r\n");
        for (name, value) in
            [("sec-websocket-key", self.key), ("sec-websocket-version", self.websocket_version)]
        {
            if let Some(value) = value {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        head + self.subprotocol.header() + "\r\n"
    }

    /// Sends it, and yields the status of the answer; the socket is closed.
    ///
    /// # Panics
    /// If no answer comes in time.
    #[track_caller]
    pub fn status(&self) -> u16 {
        let mut wire = self.wire();
        wire.send(self.bytes());
        wire.read_head().status
    }

    /// Sends it, with what follows right behind, and takes the upgrade for granted.
    ///
    /// # Panics
    /// If the answer is not 101.
    #[track_caller]
    pub fn upgrade(&self, behind: &[u8]) -> Client {
        let mut wire = self.wire();
        wire.send([self.bytes().as_bytes(), behind].concat());
        let response = wire.read_response();
        assert_eq!(response.status, 101, "{} {}", response.head, response.text());
        Client { wire, id: String::new(), reconnection_token: String::new() }
    }

    /// Connects, and waits for the greeting if there is to be one.
    ///
    /// # Panics
    /// If the answer is not 101, or there is no greeting.
    #[track_caller]
    pub fn open(&self) -> Client {
        let mut client = self.upgrade(b"");
        if self.subprotocol != Subprotocol::None {
            client.greeted();
        }
        client
    }
}

/// A wire past its handshake.
#[derive(Debug)]
pub struct Client {
    /// The socket.
    pub wire: Wire,
    /// The connection's id, once the client was greeted.
    pub id: String,
    /// What a reliable client shows to get its session back.
    pub reconnection_token: String,
}

impl Client {
    /// Waits for the greeting and notes what it says.
    ///
    /// # Panics
    /// If something else comes.
    #[track_caller]
    pub fn greeted(&mut self) {
        let greeting = self.json();
        assert_eq!(greeting["event"], "connected", "{greeting}");
        let text = |name: &str| greeting[name].as_str().unwrap_or_default().to_owned();
        (self.id, self.reconnection_token) = (text("connectionId"), text("reconnectionToken"));
    }

    /// The handshake that recovers this client's session.
    pub fn recovery(&self, handshake: &Handshake) -> Handshake {
        let (id, token) = (&self.id, &self.reconnection_token);
        handshake
            .clone()
            .path(&format!("/client/hubs/chat?awps_connection_id={id}&awps_reconnection_token={token}"))
    }

    /// Sends a frame, and says whether the service still took it.
    pub fn send(&mut self, frame: &Frame) -> bool {
        self.wire.send(frame.bytes())
    }

    /// Sends a text message.
    pub fn say(&mut self, text: &str) -> bool {
        self.send(&Frame::text(text))
    }

    /// The next frame that is no ping or pong; pings are answered. `None` at the end.
    ///
    /// # Panics
    /// If it does not come in time, or nothing but pings comes.
    #[track_caller]
    pub fn frame(&mut self) -> Option<Frame> {
        let mut pings = 0;
        loop {
            let frame = self.wire.read_frame()?;
            match frame.opcode {
                Opcode::PING => {
                    // Each ping renews the deadline of the socket, so that without a bound a wait for nothing would never end.
                    assert!(pings < PINGS_MAX, "the service has nothing to say but pings");
                    pings += 1;
                    self.send(&Frame::new(Opcode::PONG, &frame.payload));
                }
                Opcode::PONG => {}
                _ => return Some(frame),
            }
        }
    }

    /// The next message.
    ///
    /// # Panics
    /// If something else comes, or nothing in time.
    #[track_caller]
    pub fn text(&mut self) -> String {
        let frame = self.frame().expect("a message comes, not the end");
        assert_eq!(frame.opcode, Opcode::TEXT, "{:?}", frame.as_close());
        frame.as_text()
    }

    /// The next message as JSON.
    ///
    /// # Panics
    /// If something else comes, or nothing in time.
    #[track_caller]
    pub fn json(&mut self) -> Value {
        let text = self.text();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("this is JSON: {text}"))
    }

    /// The data of the next message, which must be one of a group or of the application.
    ///
    /// # Panics
    /// If something else comes, or nothing in time.
    #[track_caller]
    pub fn data(&mut self) -> String {
        let message = self.json();
        assert_eq!(message["type"], "message", "{message}");
        message["data"].as_str().unwrap_or_default().to_owned()
    }

    /// Sends a request and waits for its acknowledgement, passing over messages.
    ///
    /// # Panics
    /// If it does not come in time.
    #[track_caller]
    pub fn request(&mut self, request: &str) -> Value {
        self.say(request);
        loop {
            let answer = self.json();
            if answer["type"] == "ack" {
                return answer;
            }
        }
    }

    /// Joins a group.
    ///
    /// # Panics
    /// If that fails.
    #[track_caller]
    pub fn join(&mut self, group: &str, ack_id: u64) {
        let ack = self.request(&format!(r#"{{"type":"joinGroup","group":"{group}","ackId":{ack_id}}}"#));
        assert_eq!(ack["success"], true, "{ack}");
    }

    /// Sends a text to a group without asking for an acknowledgement.
    pub fn publish(&mut self, group: &str, text: &str) -> bool {
        self.say(&format!(r#"{{"type":"sendToGroup","group":"{group}","dataType":"text","data":"{text}"}}"#))
    }

    /// Waits until everything that this client sent before has taken effect.
    ///
    /// # Panics
    /// If something else than the answer to a ping comes.
    #[track_caller]
    pub fn settled(&mut self) {
        self.say(r#"{"type":"ping"}"#);
        assert_eq!(self.json()["type"], "pong");
    }

    /// Reads on to the close frame, passing over messages, and yields its code and reason.
    ///
    /// # Panics
    /// If the end comes without one.
    #[track_caller]
    pub fn closed(&mut self) -> (u16, String) {
        loop {
            let frame = self.frame().expect("a close frame comes before the end");
            if frame.opcode == Opcode::CLOSE {
                return frame.as_close();
            }
        }
    }
}
