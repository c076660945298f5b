use bytes::Bytes;
use hubwire_protocol::websocket::{DeflateWindow, Deflater, Opcode, compress_frame, data_frame};
use hubwire_protocol::{Data, GroupStateReport, Head, JsonForm, Message, Subprotocol};

/// What recipients are given: each in the form of its own protocol.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content<'a> {
    /// A message.
    Message(&'a Message),
    /// States of a group's members. Simple clients are never among the recipients.
    Report(&'a GroupStateReport),
}

/// One content in every form that recipients have asked for so far. Each form is made at most once per shard.
pub(crate) struct Encodings<'a> {
    content: Content<'a>,
    json_form: JsonForm,
    simple: Option<Bytes>,
    subprotocols: [Option<Bytes>; 4],
    deflater: &'a mut Deflater,
    /// By their windows.
    compressed: [Compressed; 2],
    pub(crate) savings: Savings,
}

/// The forms for clients that take compressed messages; `Some(None)` is a form that would not be shorter.
struct Compressed {
    simple: Option<Option<Bytes>>,
    subprotocols: [Option<Option<Bytes>>; 4],
}

impl Compressed {
    const NONE: Self = Self { simple: None, subprotocols: [const { None }; 4] };
}

/// What compressing forms has cost and brought.
#[derive(Default)]
pub(crate) struct Savings {
    /// Forms that were compressed.
    pub(crate) forms: u64,
    /// Bytes that they had before.
    pub(crate) plain_bytes: u64,
    /// Bytes that they have now.
    pub(crate) compressed_bytes: u64,
}

impl<'a> Encodings<'a> {
    pub(crate) fn new(content: Content<'a>, json_form: JsonForm, deflater: &'a mut Deflater) -> Self {
        Self {
            content,
            json_form,
            simple: None,
            subprotocols: [const { None }; 4],
            deflater,
            compressed: [const { Compressed::NONE }; 2],
            savings: Savings::default(),
        }
    }

    /// What simple clients see: the bare payload. `None` where there is nothing for them to see: the end of a stream is no message of
    /// its own.
    pub(crate) fn simple(&mut self) -> Option<Bytes> {
        let Content::Message(message) = self.content else {
            return None;
        };
        if message.stream.as_ref().is_some_and(|position| position.end.is_some()) {
            return None;
        }
        Some(self.simple.get_or_insert_with(|| simple(&message.data)).clone())
    }

    /// The form of a subprotocol: a whole frame, or for reliable ones all of it but the head.
    pub(crate) fn subprotocol(&mut self, subprotocol: Subprotocol) -> Bytes {
        let form = &mut self.subprotocols[subprotocol as usize];
        let encode = || match self.content {
            Content::Message(message) => subprotocol.message(message, self.json_form),
            Content::Report(report) => subprotocol.report(report),
        };
        form.get_or_insert_with(encode).clone()
    }

    /// What simple clients see, compressed; `None` where there is nothing for them to see or it would not be shorter.
    pub(crate) fn compressed_simple(&mut self, window: DeflateWindow) -> Option<Bytes> {
        let plain = self.simple()?;
        let window = window.for_bytes(plain.len());
        let (deflater, savings) = (&mut *self.deflater, &mut self.savings);
        let compress = || savings.note(&plain, compress_frame(&plain, deflater, window));
        self.compressed[window as usize].simple.get_or_insert_with(compress).clone()
    }

    /// The form of a subprotocol, compressed; `None` where it would not be shorter.
    pub(crate) fn compressed_subprotocol(
        &mut self,
        subprotocol: Subprotocol,
        window: DeflateWindow,
    ) -> Option<Bytes> {
        let plain = self.subprotocol(subprotocol);
        let window = window.for_bytes(plain.len());
        let (deflater, savings) = (&mut *self.deflater, &mut self.savings);
        let compress = || {
            let compressed = if subprotocol.is_reliable() {
                deflater.tail(&plain, window)
            } else {
                compress_frame(&plain, deflater, window)
            };
            savings.note(&plain, compressed)
        };
        let forms = &mut self.compressed[window as usize].subprotocols;
        forms[subprotocol as usize].get_or_insert_with(compress).clone()
    }

    /// What stands in front of a reliable form.
    pub(crate) fn head(&self, subprotocol: Subprotocol) -> Head {
        match self.content {
            Content::Message(_) => subprotocol.message_head(),
            Content::Report(report) => subprotocol.report_head(report),
        }
    }
}

impl Savings {
    fn note(&mut self, plain: &Bytes, compressed: Option<Bytes>) -> Option<Bytes> {
        if let Some(compressed) = &compressed {
            self.forms += 1;
            self.plain_bytes += plain.len() as u64;
            self.compressed_bytes += compressed.len() as u64;
        }
        compressed
    }
}

fn simple(data: &Data) -> Bytes {
    let opcode = match data {
        Data::Text(_) | Data::Json(_) => Opcode::Text,
        Data::Binary(_) | Data::Protobuf(_) => Opcode::Binary,
    };
    data_frame(opcode, data.bytes())
}
