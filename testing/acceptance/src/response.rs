/// What HTTP answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status; 0 if the socket was closed without an answer.
    pub status: u16,
    /// Everything before the body, as it came.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// No answer at all.
    pub(crate) fn none() -> Self {
        Self { status: 0, head: String::new(), body: Vec::new() }
    }

    pub(crate) fn from_head(head: String) -> Self {
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head, body: Vec::new() }
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = fields.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
