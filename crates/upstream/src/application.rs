use std::sync::Arc;

use hubwire_hub::{Acceptance, Answer, Application, Attempt, Decision, Event, Rejection, Unanswered};
use hubwire_protocol::HubName;

use crate::call::{Call, Repeated};
use crate::client::Clients;
use crate::cloud_event::CloudEvent;
use crate::upstream::Shared;
use crate::{CallError, answer, connect};

/// The application as one worker calls it: from the worker's own thread, over connections of the worker's own.
pub struct WorkerApplication {
    shared: Arc<Shared>,
    clients: Clients,
}

impl WorkerApplication {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, clients: Clients::default() }
    }
}

impl Application for WorkerApplication {
    fn decides(&self, hub: &HubName) -> bool {
        let settings = self.shared.settings.load();
        settings.hub(hub).handlers.iter().any(|handler| handler.system_events.connect)
    }

    fn admit(&self, attempt: Attempt) -> Decision<Result<Acceptance, Rejection>> {
        let settings = self.shared.settings.load_full();
        let hub = settings.hub(&attempt.hub).clone();
        let Some(handler) = hub.handlers.iter().find(|handler| handler.system_events.connect).cloned() else {
            return Box::pin(std::future::ready(Ok(Acceptance::default())));
        };
        let (client, shared) = (self.clients.client(&settings), self.shared.clone());
        Box::pin(async move {
            let request_id = shared.memory.environment.random();
            let event = CloudEvent::of_attempt(&attempt, connect::body(&attempt), request_id);
            let call = Call {
                settings: &settings,
                hub: &hub,
                handler: &handler,
                event: &event,
                repeated: Repeated::Soon,
            };
            let outcome = match call.make(&client, &shared.memory).await {
                Ok(reply) => connect::acceptance(&reply.headers, reply.body).await,
                Err(error) => Err(error),
            };
            let outcome = outcome.and_then(|acceptance| connect::offered(acceptance, &attempt));
            outcome.map_err(|error| {
                tracing::warn!(hub = %attempt.hub, connection = %attempt.connection, handler = handler.name(), %error, "a client is not let in");
                shared.memory.cookies.forget(attempt.connection);
                match error {
                    CallError::Status(status) => Rejection::Refused(status.as_u16()),
                    _ => Rejection::Failed,
                }
            })
        })
    }

    fn ask(&self, event: Event) -> Decision<Result<Answer, Unanswered>> {
        let settings = self.shared.settings.load_full();
        let hub = settings.hub(&event.hub).clone();
        let cloud_event = CloudEvent::of(&event, self.shared.memory.environment.random());
        let heard = self.shared.tell_listeners(&hub, &event, &cloud_event);
        let Some(handler) = hub.handler(&event.occurrence).cloned() else {
            let outcome = if heard { Ok(Answer::default()) } else { Err(Unanswered::Unhandled) };
            if !heard {
                tracing::warn!(hub = %event.hub, event = cloud_event.name, connection = %event.connection, "no event handler or listener of the hub takes a user event: setting hubs.{}.event_handlers", event.hub);
            }
            return Box::pin(std::future::ready(outcome));
        };
        let (client, shared) = (self.clients.client(&settings), self.shared.clone());
        Box::pin(async move {
            let call = Call {
                settings: &settings,
                hub: &hub,
                handler: &handler,
                event: &cloud_event,
                repeated: Repeated::Soon,
            };
            let replied = call.make(&client, &shared.memory).await;
            let outcome = replied.and_then(|reply| answer::answer(&reply.headers, reply.body));
            outcome.map_err(|error| {
                tracing::warn!(hub = %event.hub, event = cloud_event.name, connection = %event.connection, handler = handler.name(), %error, "a user event failed");
                Unanswered::Failed
            })
        })
    }

    fn notify(&self, events: Vec<Event>) {
        self.shared.store(&events);
    }

    fn moved(&self, event: &Event, arrived: bool) {
        self.shared.note_move(event, arrived);
    }
}
