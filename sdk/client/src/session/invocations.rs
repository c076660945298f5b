//! Questions to the application server that wait for their answers.
//!
//! They are written once and never again: the service forgets them with the socket.

use std::collections::{BTreeMap, HashMap};

use super::{
    command::Invoke,
    output::{Completion, Outputs, Ticket},
};
use crate::{
    data::{Data, Metadata},
    error::{Error, ErrorDetail, Result},
    event::Closure,
    request::InvokeResult,
    wire::{ClientMessage, Codec, Frame},
};

#[derive(Debug, Default)]
pub(crate) struct Invocations {
    waiting: BTreeMap<Ticket, Waiting>,
    by_id: HashMap<String, Ticket>,
    last_id: u64,
}

#[derive(Debug)]
struct Waiting {
    id: String,
    /// Until it is written.
    frame: Option<Frame>,
}

/// What an `invokeResponse` says.
pub(crate) struct Response {
    pub invocation_id: String,
    pub success: Option<bool>,
    pub data: Option<Data>,
    pub error: Option<ErrorDetail>,
    pub metadata: Metadata,
}

impl Invocations {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn add(&mut self, ticket: Ticket, invoke: Invoke, codec: &dyn Codec) -> Result<()> {
        let Invoke { invocation_id, event, data, metadata } = invoke;
        let id = invocation_id.unwrap_or_else(|| self.next_id());
        if self.by_id.contains_key(&id) {
            return Err(Error::InvocationIdInUse(id));
        }
        let message = ClientMessage::Invoke { invocation_id: id.clone(), event, data, metadata };
        self.by_id.insert(id.clone(), ticket);
        self.waiting.insert(ticket, Waiting { id, frame: Some(codec.encode(&message)) });
        Ok(())
    }

    fn next_id(&mut self) -> String {
        loop {
            self.last_id += 1;
            let id = self.last_id.to_string();
            if !self.by_id.contains_key(&id) {
                return id;
            }
        }
    }

    pub(crate) fn write_queued(&mut self, out: &mut Outputs) {
        for frame in self.waiting.values_mut().filter_map(|waiting| waiting.frame.take()) {
            out.write(frame);
        }
    }

    fn remove(&mut self, ticket: Ticket) -> Option<Waiting> {
        let waiting = self.waiting.remove(&ticket)?;
        self.by_id.remove(&waiting.id);
        Some(waiting)
    }

    pub(crate) fn respond(&mut self, response: Response, codec: &dyn Codec, out: &mut Outputs) {
        let Response { invocation_id, success, data, error, metadata } = response;
        let Some(ticket) = self.by_id.get(&invocation_id).copied() else { return };
        self.remove(ticket);
        if success == Some(true) {
            let result = InvokeResult { invocation_id, data, metadata };
            out.complete(ticket, Ok(Completion::Invoked(result)));
            return;
        }
        let error = error.unwrap_or_else(|| {
            // Such an answer may not be meant as the last one.
            out.send(codec, &ClientMessage::CancelInvocation { invocation_id: invocation_id.clone() });
            ErrorDetail::new(
                "Unsupported",
                "The service's answer says neither success nor why there is none.",
            )
        });
        out.complete(ticket, Err(Error::InvocationFailed { invocation_id, error }));
    }

    /// The application does not want the answer any more.
    pub(crate) fn abandon(&mut self, ticket: Ticket, connected: bool, codec: &dyn Codec, out: &mut Outputs) {
        let Some(waiting) = self.remove(ticket) else { return };
        if connected && waiting.frame.is_none() {
            out.send(codec, &ClientMessage::CancelInvocation { invocation_id: waiting.id });
        }
    }

    /// The socket is gone, and the answers of what was written with it.
    pub(crate) fn socket_lost(&mut self, closure: &Closure, out: &mut Outputs) {
        self.fail_written(out, || Error::ConnectionLost { ack_id: None, closure: closure.clone() });
    }

    pub(crate) fn has_written(&self) -> bool {
        self.waiting.values().any(|waiting| waiting.frame.is_none())
    }

    pub(crate) fn fail_written(&mut self, out: &mut Outputs, error: impl Fn() -> Error) {
        let written = self.waiting.iter().filter(|(_, waiting)| waiting.frame.is_none());
        let written: Vec<Ticket> = written.map(|(ticket, _)| *ticket).collect();
        for ticket in written {
            self.remove(ticket);
            out.complete(ticket, Err(error()));
        }
    }

    pub(crate) fn stop(&mut self, out: &mut Outputs) {
        self.by_id.clear();
        for ticket in std::mem::take(&mut self.waiting).into_keys() {
            out.complete(ticket, Err(Error::Stopped { ack_id: None }));
        }
    }
}
