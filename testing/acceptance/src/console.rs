use std::net::SocketAddr;

use serde_json::Value;

use crate::eventually::eventually;
use crate::response::Response;
use crate::wire::Wire;

/// The token of operators in a site with [`CONSOLE`].
pub const OPERATOR_TOKEN: &str = "an-operator-token-of-the-tests";
/// The token of viewers in a site with [`CONSOLE`].
pub const VIEWER_TOKEN: &str = "a-viewer-token-of-the-tests";
/// The table that opens a site's console to both.
pub const CONSOLE: &str = "[console]\noperator_token = \"an-operator-token-of-the-tests\"\nviewer_token = \"a-viewer-token-of-the-tests\"";

/// Somebody at the console, each request on a socket of its own.
#[derive(Debug, Clone)]
pub struct Console {
    address: SocketAddr,
    headers: String,
}

impl Console {
    /// Somebody who sends these headers with each request, each with its line end.
    pub fn new(address: SocketAddr, headers: &str) -> Self {
        Self { address, headers: headers.to_owned() }
    }

    /// An operator.
    pub fn operator(address: SocketAddr) -> Self {
        Self::bearer(address, OPERATOR_TOKEN)
    }

    /// Somebody with a token.
    pub fn bearer(address: SocketAddr, token: &str) -> Self {
        Self::new(address, &format!("authorization: Bearer {token}\r\nx-hubwire-console: 1\r\n"))
    }

    /// The bytes of a request to a path of the service.
    pub fn bytes(&self, method: &str, path: &str, body: &str) -> String {
        let length = body.len();
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{}content-length: {length}\r\n\r\n{body}",
            self.address, self.headers
        )
    }

    /// Sends a request to a path of the service.
    ///
    /// # Panics
    /// If the answer does not come in time.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: &str) -> Response {
        let mut wire = Wire::connect(self.address);
        wire.send(self.bytes(method, path, body));
        wire.read_response()
    }

    /// Asks for a document below `/console/api/`.
    ///
    /// # Panics
    /// If it is refused.
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        document(&self.call("GET", &format!("/console/api/{path}"), ""))
    }

    /// Posts a document below `/console/api/`.
    ///
    /// # Panics
    /// If it is refused.
    #[track_caller]
    pub fn post(&self, path: &str, body: &str) -> Value {
        document(&self.call("POST", &format!("/console/api/{path}"), body))
    }

    /// Has decisions recorded from now on.
    ///
    /// # Panics
    /// If it is refused.
    #[track_caller]
    pub fn record(&self) {
        assert_eq!(self.post("recording", r#"{"on":true}"#)["on"], true);
    }

    /// Asks why, as soon as the console has heard of the message.
    ///
    /// # Panics
    /// If it never does.
    #[track_caller]
    pub fn why(&self, query: &str) -> Value {
        let mut explained = Value::Null;
        eventually("the console knows of the message", || {
            explained = self.get(&format!("why?hub=chat&{query}"));
            !explained["message"].is_null()
        });
        explained
    }

    /// Asks why until a rule is what the only answer says, and yields that answer.
    ///
    /// # Panics
    /// If that is never so.
    #[track_caller]
    pub fn rule(&self, query: &str, rule: &str) -> Value {
        let mut answer = Value::Null;
        eventually(&format!("{query} is explained by {rule}"), || {
            answer = self.get(&format!("why?hub=chat&{query}"))["answers"][0].clone();
            answer["rule"] == rule
        });
        answer
    }
}

#[track_caller]
fn document(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{} {}", response.head, response.text());
    serde_json::from_slice(&response.body).expect("the answer is JSON")
}
