use hubwire_filter::{Filter, Subject};

/// A connection as the target shows it to filters.
struct Connection {
    id: &'static str,
    user: Option<&'static str>,
    protocol: Option<&'static str>,
    groups: &'static [&'static str],
}

impl Subject for Connection {
    fn connection_id(&self) -> &str {
        self.id
    }

    fn user_id(&self) -> Option<&str> {
        self.user
    }

    fn protocol(&self) -> Option<&str> {
        self.protocol
    }

    fn group_count(&self) -> usize {
        self.groups.len()
    }

    fn in_group(&self, group: &str) -> bool {
        self.groups.contains(&group)
    }
}

const CONNECTIONS: [Connection; 3] = [
    Connection { id: "", user: None, protocol: None, groups: &[] },
    Connection {
        id: "0123456789abcdef0123456789abcdef",
        user: Some(""),
        protocol: Some("json.webpubsub.azure.v1"),
        groups: &["a"],
    },
    Connection {
        id: "x",
        user: Some("Zoë 𝄞 İ"),
        protocol: Some("json.reliable.webpubsub.azure.v1"),
        groups: &["a", "g'", " "],
    },
];

/// Any text is a filter or refused in words; a filter judges every connection, always the same way, and so does what it prints.
pub fn filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let filter = match Filter::parse(text) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "a refusal says nothing");
            return;
        }
    };
    assert_eq!(filter.source(), text, "a filter forgot its text");
    // Printing adds parentheses, so what was read at the edge of a bound may exceed it when printed.
    let printed = Filter::parse(&filter.to_string()).ok();
    if text.len() < 1024 && !text.contains('(') {
        assert!(printed.is_some(), "a filter prints what is no filter: {filter}");
    }
    for connection in &CONNECTIONS {
        let verdict = filter.matches(connection);
        assert_eq!(verdict, filter.matches(connection), "a filter changed its mind");
        if let Some(printed) = &printed {
            assert_eq!(
                verdict,
                printed.matches(connection),
                "a printed filter means something else: {filter}"
            );
        }
    }
}
