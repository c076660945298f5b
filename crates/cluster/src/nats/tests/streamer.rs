//! The streams of a client: those that it publishes, and what it sees of those of others.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::client::GROUPS;

/// A stream that a client publishes.
pub(super) struct OwnStream {
    pub(super) id: String,
    pub(super) group: usize,
    /// What its start is acknowledged by.
    ack: u64,
    opened: bool,
    /// The number of its next message.
    pub(super) next: u64,
    /// All messages below have been acknowledged.
    pub(super) expected: u64,
    ending: bool,
    pub(super) closed: bool,
}

/// What a client says of its streams.
pub(super) enum Saying {
    /// That it opens one, which is acknowledged.
    Opening(String),
    /// A message, by its number, or an end.
    Part(String, Option<u64>),
}

/// What a client has seen of a stream.
pub(super) struct SeenStream {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) ended: bool,
}

#[derive(Default)]
pub(super) struct Streamer {
    pub(super) own: Vec<OwnStream>,
    pub(super) seen: BTreeMap<String, SeenStream>,
}

impl Streamer {
    /// The stream that it publishes now.
    pub(super) fn current(&mut self) -> Option<&mut OwnStream> {
        self.own.last_mut().filter(|stream| !stream.closed && !stream.ending)
    }

    /// Whether all that it has said has been answered.
    pub(super) fn is_content(&self) -> bool {
        self.own.iter().all(|stream| stream.closed || (!stream.ending && stream.expected == stream.next))
    }

    /// Goes on with its stream, opens one in a group, or ends it: what is to be said for that.
    pub(super) fn go_on(
        &mut self,
        (me, group): (usize, usize),
        (ends, idle_ms): (bool, u32),
        acks: &mut u64,
    ) -> Option<Saying> {
        let rests = self.is_content();
        Some(match self.current() {
            Some(stream) if !stream.is_open() => return None,
            Some(stream) if ends => Saying::Part(stream.end(), None),
            Some(stream) => Saying::Part(stream.publish(), Some(stream.next - 1)),
            None if !rests => return None,
            None => {
                *acks += 1;
                Saying::Opening(self.open(me, group, idle_ms, *acks))
            }
        })
    }

    /// Opens a stream.
    fn open(&mut self, me: usize, group: usize, idle_ms: u32, ack: u64) -> String {
        let id = format!("{me}-{}", self.own.len());
        let text = format!(
            r#"{{"type":"sendToGroup","group":"{}","ackId":{ack},"stream":{{"streamId":"{id}","idleTimeoutMs":{idle_ms}}}}}"#,
            GROUPS[group]
        );
        let stream =
            OwnStream { id, group, ack, opened: false, next: 1, expected: 1, ending: false, closed: false };
        self.own.push(stream);
        text
    }

    /// What is to be said again after a recovery.
    pub(super) fn again(&self) -> Vec<String> {
        let open = self.own.last().filter(|stream| stream.opened && !stream.closed);
        let texts = open.map(|stream| {
            let messages = (stream.expected..stream.next).map(|number| stream.message(number));
            messages.chain(stream.ending.then(|| stream.end_text())).collect()
        });
        texts.unwrap_or_default()
    }

    /// A request was acknowledged, or has taken effect before.
    pub(super) fn acknowledged(&mut self, ack: u64) {
        for stream in self.own.iter_mut().filter(|stream| stream.ack == ack) {
            stream.opened = true;
        }
    }

    /// Takes an answer about a stream of its own. `false` if it is something else.
    pub(super) fn take_answer(&mut self, text: &str) -> Result<bool, String> {
        let Some((_, kind)) = text.split_once(r#"{"type":"stream"#) else {
            return Ok(false);
        };
        let id = field(text, "streamId").ok_or("no stream id")?;
        let stream = self.own.iter_mut().find(|stream| stream.id == id).ok_or("a stream of somebody else")?;
        if kind.starts_with("Ack") {
            let expected = number(text, "expectedSequenceId").ok_or("no number")?;
            if expected > stream.next {
                return Err(format!("message {expected} of {id} is expected, not {}", stream.next));
            }
            (stream.opened, stream.expected) = (true, stream.expected.max(expected));
        } else if kind.starts_with("Closed") {
            stream.closed = true;
        } else {
            return Err(format!("a message of a stream is refused: {text}"));
        }
        Ok(true)
    }

    /// Takes a message of somebody's stream.
    pub(super) fn take_message(&mut self, text: &str) -> Result<(), String> {
        let id = field(text, "streamId").ok_or("no stream id")?;
        let number = number(text, "streamSequenceId").ok_or("no number")?;
        let ends = text.contains(r#""endOfStream":true"#);
        let start = SeenStream { first: number, last: number - 1, ended: false };
        let seen = self.seen.entry(id.clone()).or_insert(start);
        if seen.ended || number != seen.last + 1 {
            return Err(format!(
                "message {number} of stream {id} came after {} ({}) {text}",
                seen.last, seen.ended
            ));
        }
        seen.ended = ends;
        if !ends {
            seen.last = number;
            let mut data = String::new();
            let _infallible = write!(data, r#""data":"{id}:{number}""#);
            if !text.contains(&data) {
                return Err(format!("message {number} of stream {id} is another one: {text}"));
            }
        }
        Ok(())
    }
}

impl OwnStream {
    pub(super) fn is_open(&self) -> bool {
        self.opened && !self.closed
    }

    pub(super) fn publish(&mut self) -> String {
        self.next += 1;
        self.message(self.next - 1)
    }

    pub(super) fn end(&mut self) -> String {
        self.ending = true;
        self.end_text()
    }

    /// A sign of life.
    pub(super) fn life(&self) -> String {
        format!(r#"{{"type":"streamData","streamId":"{}"}}"#, self.id)
    }

    fn message(&self, number: u64) -> String {
        let id = &self.id;
        format!(
            r#"{{"type":"streamData","streamId":"{id}","streamSequenceId":{number},"dataType":"text","data":"{id}:{number}"}}"#
        )
    }

    fn end_text(&self) -> String {
        format!(r#"{{"type":"streamEnd","streamId":"{}"}}"#, self.id)
    }
}

fn field(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!(r#""{name}":""#))?;
    rest.split('"').next().map(str::to_owned)
}

fn number(text: &str, name: &str) -> Option<u64> {
    let (_, rest) = text.split_once(&format!(r#""{name}":"#))?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
