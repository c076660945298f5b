use std::collections::VecDeque;
use std::sync::Mutex;

use hubwire_hub::{Busy, Command, Envelope, Reply, Routed, Router, TraceContext};
use hubwire_protocol::HubName;

/// Records what reaches the hubs and answers as scripted; without a script everything is there and takes effect.
#[derive(Default)]
pub(crate) struct ScriptedRouter {
    pub(crate) envelopes: Mutex<Vec<Envelope>>,
    pub(crate) commands: Mutex<Vec<(HubName, Command)>>,
    pub(crate) causes: Mutex<Vec<Option<TraceContext>>>,
    pub(crate) replies: Mutex<VecDeque<Result<Reply, Busy>>>,
    pub(crate) publish_is_busy: Mutex<bool>,
}

impl Router for ScriptedRouter {
    fn publish(&self, envelope: Envelope) -> Result<(), Busy> {
        if *self.publish_is_busy.lock().unwrap() {
            return Err(Busy::Inbox);
        }
        self.envelopes.lock().unwrap().push(envelope);
        Ok(())
    }

    fn execute_for(&self, cause: Option<TraceContext>, hub: HubName, command: Command) -> Routed {
        self.commands.lock().unwrap().push((hub, command));
        self.causes.lock().unwrap().push(cause);
        let reply = self.replies.lock().unwrap().pop_front().unwrap_or(Ok(Reply::Done));
        Box::pin(async move { reply })
    }
}

impl ScriptedRouter {
    pub(crate) fn reply(&self, reply: Result<Reply, Busy>) {
        self.replies.lock().unwrap().push_back(reply);
    }

    /// The commands since the last look, as debug text.
    pub(crate) fn take_commands(&self) -> Vec<String> {
        let commands = std::mem::take(&mut *self.commands.lock().unwrap());
        commands.into_iter().map(|(hub, command)| format!("{hub}: {command:?}")).collect()
    }

    /// The envelopes since the last look.
    pub(crate) fn take_envelopes(&self) -> Vec<Envelope> {
        std::mem::take(&mut *self.envelopes.lock().unwrap())
    }

    /// Whether nothing reached a hub since the last look.
    pub(crate) fn is_untouched(&self) -> bool {
        self.commands.lock().unwrap().is_empty() && self.envelopes.lock().unwrap().is_empty()
    }
}
