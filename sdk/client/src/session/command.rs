//! What the application wants done.

use crate::{
    data::{Data, Metadata},
    wire::{ClientMessage, StreamEndError},
};

/// One call of the application.
#[derive(Debug)]
pub(crate) enum Command {
    Start,
    Stop,
    Request(Request),
    Invoke(Invoke),
    /// `writer` tells the stream from others that had its id before.
    OpenStream {
        stream_id: String,
        writer: u64,
        start: ClientMessage,
    },
    WriteStream {
        stream_id: String,
        data: Data,
    },
    EndStream {
        stream_id: String,
        error: Option<StreamEndError>,
    },
    KeepStreamAlive {
        stream_id: String,
    },
    /// Wait until it is over.
    WatchStream {
        stream_id: String,
    },
}

/// A request that can be acknowledged.
#[derive(Debug)]
pub(crate) struct Request {
    /// Its ack id is filled in by the session.
    pub message: ClientMessage,
    pub ack: AckId,
}

/// Which ack id a request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AckId {
    /// None: it is not acknowledged.
    None,
    /// The client's next.
    Next,
    /// The application's own.
    Own(u64),
}

/// A question to the application server.
#[derive(Debug)]
pub(crate) struct Invoke {
    /// The client's next one if there is none.
    pub invocation_id: Option<String>,
    pub event: String,
    pub data: Option<Data>,
    pub metadata: Metadata,
}

impl ClientMessage {
    /// Fills in the ack id of a message that can have one.
    pub(super) fn with_ack_id(mut self, id: Option<u64>) -> Self {
        match &mut self {
            Self::JoinGroup { ack_id, .. }
            | Self::LeaveGroup { ack_id, .. }
            | Self::SendToGroup { ack_id, .. }
            | Self::Event { ack_id, .. }
            | Self::SetGroupState { ack_id, .. }
            | Self::SubscribeGroupState { ack_id, .. }
            | Self::UnsubscribeGroupState { ack_id, .. } => *ack_id = id,
            _ => {}
        }
        self
    }
}
