use std::time::Duration;

use azure_messaging_eventhubs::models::EventData;
use azure_messaging_eventhubs::{EventDataBatchOptions, ProducerClient};
use hubwire_outbox::Failure;
use tokio::sync::OnceCell;

use super::{SendError, Sent, Target, all};
use crate::client::HttpClient;
use crate::cloud_event::METADATA_PREFIX;
use crate::{CloudEvent, Secret};

/// How long one event may take, connecting included, in milliseconds.
const TIMEOUT_MS: u64 = 30_000;

/// An Azure Event Hub: each event is an AMQP message whose application properties are the attributes of a CloudEvent, as the managed service
/// sends it. Events of one connection go to one partition.
pub struct EventHubsTarget {
    /// A connection string with a shared access key.
    pub connection_string: Secret,
    /// The event hub, if the connection string does not name it.
    pub event_hub: Option<String>,
    producer: OnceCell<ProducerClient>,
}

impl EventHubsTarget {
    /// A target that is not connected yet.
    pub fn new(connection_string: Secret, event_hub: Option<String>) -> Self {
        Self { connection_string, event_hub, producer: OnceCell::new() }
    }

    async fn producer(&self) -> Result<&ProducerClient, SendError> {
        let open = || async {
            let builder = ProducerClient::builder().with_application_id("hubwire".to_owned());
            builder
                .open_with_connection_string(self.connection_string.expose(), self.event_hub.as_deref())
                .await
        };
        self.producer.get_or_try_init(open).await.map_err(|error| self.away(&error.to_string()))
    }

    /// What the library says, as long as it does not repeat the connection string.
    fn told(&self, text: &str) -> String {
        let key = self.connection_string.expose().split("SharedAccessKey=").nth(1).unwrap_or_default();
        let key = key.split(';').next().unwrap_or_default();
        let repeats = !key.is_empty() && text.contains(key);
        if repeats {
            "Event Hubs: an error that names the key".to_owned()
        } else {
            format!("Event Hubs: {text}")
        }
    }

    fn away(&self, text: &str) -> SendError {
        SendError::away(self.told(text))
    }

    async fn send_one(&self, event: &CloudEvent) -> Result<(), SendError> {
        let producer = self.producer().await?;
        let options = EventDataBatchOptions {
            partition_key: Some(event.connection.clone()),
            ..EventDataBatchOptions::default()
        };
        let batch =
            producer.create_batch(Some(options)).await.map_err(|error| self.away(&error.to_string()))?;
        let added =
            batch.try_add_event_data(message(event), None).map_err(|error| self.away(&error.to_string()))?;
        if !added {
            return Err(SendError::Refused("the event is larger than the event hub takes".to_owned()));
        }
        // The link was just there, so what is wrong is probably the event: the next one may fare better.
        producer
            .send_batch(batch, None)
            .await
            .map_err(|error| SendError::not_now(self.told(&error.to_string())))
    }
}

impl Target for EventHubsTarget {
    fn send<'a>(&'a self, _: &'a HttpClient, events: &'a [CloudEvent]) -> Sent<'a> {
        Box::pin(async move {
            let mut outcomes = Vec::with_capacity(events.len());
            for event in events {
                let sent =
                    tokio::time::timeout(Duration::from_millis(TIMEOUT_MS), self.send_one(event)).await;
                let late = || SendError::away(format!("Event Hubs did not answer within {TIMEOUT_MS} ms"));
                let outcome = sent.unwrap_or_else(|_| Err(late()));
                if let Err(SendError::Failed(Failure::Away(_))) = &outcome {
                    // The others would fare no better.
                    outcomes.extend(all(&events[outcomes.len()..], outcome));
                    return outcomes;
                }
                outcomes.push(outcome);
            }
            outcomes
        })
    }
}

/// The event as the managed service has it: attributes behind `cloudEvents:`, payload as it came.
fn message(event: &CloudEvent) -> EventData {
    let content_type = event.content().content_type().split(';').next().unwrap_or_default().to_owned();
    let mut message = EventData::builder()
        .with_body(event.body.to_vec())
        .with_message_id(event.message_id())
        .with_content_type(content_type);
    for (name, value) in event.attributes() {
        message = message.add_property(format!("cloudEvents:{name}"), value);
    }
    for entry in &event.metadata {
        message = message.add_property(format!("{METADATA_PREFIX}{}", entry.name), entry.value.clone());
    }
    message.build()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{Content, Kind, MetadataEntry};

    #[test]
    fn an_event_is_the_message_that_the_managed_service_sends() {
        let event = CloudEvent {
            hub: "chat".to_owned(),
            connection: "c1".to_owned(),
            id: 3,
            kind: Kind::User as i32,
            name: "Greet".to_owned(),
            user: "ada".to_owned(),
            state: Some(Bytes::new()),
            raised_ms: 1_609_459_200_999,
            content: Content::Text as i32,
            body: Bytes::from_static(b"hi"),
            metadata: vec![MetadataEntry { name: "k".to_owned(), value: "a, b".to_owned() }],
            ..CloudEvent::default()
        };
        let message = message(&event);
        assert_eq!(message.body(), Some(&b"hi"[..]));
        assert_eq!(message.content_type(), Some("text/plain"));
        let properties = message.properties().expect("there are properties");
        let text = |name: &str| properties.get(name).map(|value| format!("{value:?}"));
        let expected = [
            ("specversion", "1.0"),
            ("awpsversion", "1.0"),
            ("type", "azure.webpubsub.user.Greet"),
            ("source", "/hubs/chat/client/c1"),
            ("id", "3"),
            ("time", "2021-01-01T00:00:00Z"),
            ("hub", "chat"),
            ("eventname", "Greet"),
            ("connectionid", "c1"),
            ("userid", "ada"),
        ];
        for (name, value) in expected {
            let property = text(&format!("cloudEvents:{name}")).unwrap_or_default();
            assert!(property.contains(value), "{name}: {property}");
        }
        assert!(text("x-webpubsub-metadata-k").is_some_and(|value| value.contains("a, b")));
        assert_eq!(properties.len(), expected.len() + 1, "an empty state and no subprotocol are left out");
    }
}
