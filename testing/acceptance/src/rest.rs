use std::net::SocketAddr;

use crate::response::Response;
use crate::token::Token;
use crate::wire::Wire;

/// An application server that calls the data plane, each call on a socket of its own.
#[derive(Debug, Clone)]
pub struct Rest {
    address: SocketAddr,
    key: String,
}

impl Rest {
    /// An application server with a key.
    pub fn new(address: SocketAddr, key: &str) -> Self {
        Self { address, key: key.to_owned() }
    }

    /// The head of a call, without the empty line at its end, so that more headers can follow.
    pub fn head(&self, method: &str, path: &str) -> String {
        let authority = self.address.to_string();
        let token = Token::rest(&self.key, &authority, path);
        format!("{method} {path} HTTP/1.1\r\nhost: {authority}\r\nauthorization: Bearer {token}\r\n")
    }

    /// A whole call with a body that is text.
    pub fn call_bytes(&self, method: &str, path: &str, content_type: &str, body: &str) -> String {
        let head = self.head(method, path);
        format!("{head}content-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    /// Calls and waits for the answer. To have a body of a `HEAD` call's answer would be wrong, and shows as a timeout of nobody.
    ///
    /// # Panics
    /// If the answer does not come in time.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, content_type: &str, body: &str) -> Response {
        let mut wire = Wire::connect(self.address);
        wire.send(self.call_bytes(method, path, content_type, body));
        if method == "HEAD" { wire.read_head() } else { wire.read_response() }
    }

    /// Sends a text to everything below a path such as `/api/hubs/chat` or `/api/hubs/chat/groups/g`.
    ///
    /// # Panics
    /// If the answer is not 202.
    #[track_caller]
    pub fn send_text(&self, below: &str, text: &str) {
        let response = self.call("POST", &format!("{below}/:send"), "text/plain", text);
        assert_eq!(response.status, 202, "{}", response.text());
    }

    /// Sends JSON and yields the status.
    #[track_caller]
    pub fn post_json(&self, path: &str, body: &str) -> u16 {
        self.call("POST", path, "application/json", body).status
    }

    /// Whether something exists.
    ///
    /// # Panics
    /// If the answer is neither 200 nor 404.
    #[track_caller]
    pub fn exists(&self, path: &str) -> bool {
        match self.call("HEAD", path, "text/plain", "").status {
            200 => true,
            404 => false,
            status => panic!("HEAD {path} answers {status}"),
        }
    }
}
