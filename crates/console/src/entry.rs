use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use hubwire_hub::{Fact, Happening};
use hubwire_protocol::Data;
use serde_json::{Map, Value};

use crate::detail::{detail, is_warning, kind};
use crate::message::Message;
use crate::sentence::sentence;
use crate::settings::Payloads;

/// One fact in the history. It is put into words only when somebody is shown it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) node: Option<Arc<str>>,
    pub(crate) worker: Option<u8>,
    pub(crate) fact: Fact,
    /// The message that was published, if the fact tells of one.
    pub(crate) message: Option<Arc<Message>>,
    text: OnceLock<String>,
    frame: OnceLock<Bytes>,
}

impl Entry {
    /// A fact of a worker, of a node if there are several.
    pub(crate) fn new(
        seq: u64,
        (node, worker): (Option<Arc<str>>, Option<u8>),
        mut fact: Fact,
        payloads: Payloads,
    ) -> Self {
        let mut message = None;
        if let Happening::Published(published) = &fact.happening {
            message = Message::new(&fact, published, payloads).map(Arc::new);
        }
        if let Happening::Published(published) = &mut fact.happening {
            // What is shown of it has been copied: the whole payload must not be kept for that.
            published.data = Data::Text(Bytes::new());
        }
        Self { seq, node, worker, fact, message, text: OnceLock::new(), frame: OnceLock::new() }
    }

    pub(crate) fn kind(&self) -> &'static str {
        kind(&self.fact.happening)
    }

    pub(crate) fn is_warning(&self) -> bool {
        is_warning(&self.fact.happening)
    }

    pub(crate) fn text(&self) -> &str {
        self.text.get_or_init(|| sentence(&self.fact, self.message.as_deref()))
    }

    /// What the entry takes in memory, roughly.
    pub(crate) fn kept_bytes(&self) -> usize {
        1024 + self.message.as_ref().map_or(0, |message| message.kept_bytes())
    }

    pub(crate) fn json(&self) -> Value {
        let mut shown = Map::new();
        let fact = &self.fact;
        shown.insert("seq".into(), self.seq.into());
        shown.insert("time".into(), fact.time_ms.into());
        if let Some(node) = &self.node {
            shown.insert("node".into(), (**node).into());
        }
        if let Some(worker) = self.worker {
            shown.insert("worker".into(), worker.into());
        }
        shown.insert("kind".into(), self.kind().into());
        shown.insert("level".into(), if self.is_warning() { "warning" } else { "info" }.into());
        let names = [
            ("hub", fact.hub.as_ref().map(|hub| hub.to_string())),
            ("group", fact.group.as_ref().map(|group| group.to_string())),
            ("user", fact.user.as_ref().map(|user| user.to_string())),
            ("connection", fact.connection.map(|connection| connection.to_string())),
        ];
        for (name, value) in names {
            if let Some(value) = value {
                shown.insert(name.into(), value.into());
            }
        }
        shown.insert("text".into(), self.text().into());
        shown.insert("detail".into(), detail(fact, self.message.as_deref()));
        Value::Object(shown)
    }

    /// The entry as a server-sent event, made once for all viewers.
    pub(crate) fn frame(&self) -> Bytes {
        let frame = || format!("event: trace\nid: {}\ndata: {}\n\n", self.seq, self.json()).into();
        self.frame.get_or_init(frame).clone()
    }
}
