//! Calls are spans of distributed traces.

use crate::capture::{Answer, Capture, client, local};
use azure_core::{
    http::{Context, Request},
    tracing::{
        AsAny, Attribute, AttributeValue, Span, SpanGuard, SpanKind, SpanStatus, Tracer, TracerProvider,
    },
};
use std::{
    any::Any,
    borrow::Cow,
    error::Error,
    sync::{Arc, Mutex},
};
use webpubsub::{Message, WebPubSubServiceClientOptions};

/// Keeps the names of spans.
#[derive(Clone, Debug, Default)]
struct Names(Arc<Mutex<Vec<String>>>);

impl TracerProvider for Names {
    fn get_tracer(
        &self,
        namespace: Option<&'static str>,
        name: &'static str,
        _: Option<&'static str>,
    ) -> Arc<dyn Tracer> {
        assert!(matches!(namespace, None | Some("Microsoft.SignalRService")));
        assert_eq!(name, "webpubsub");
        Arc::new(self.clone())
    }
}

impl Tracer for Names {
    fn start_span(&self, name: Cow<'static, str>, _: SpanKind, _: Vec<Attribute>) -> Arc<dyn Span> {
        self.0.lock().unwrap().push(name.into_owned());
        Arc::new(SilentSpan)
    }

    fn start_span_with_parent(
        &self,
        name: Cow<'static, str>,
        kind: SpanKind,
        attributes: Vec<Attribute>,
        _: Arc<dyn Span>,
    ) -> Arc<dyn Span> {
        self.start_span(name, kind, attributes)
    }

    fn namespace(&self) -> Option<&'static str> {
        Some("Microsoft.SignalRService")
    }
}

struct SilentSpan;

impl Span for SilentSpan {
    fn is_recording(&self) -> bool {
        false
    }

    fn span_id(&self) -> [u8; 8] {
        [0; 8]
    }

    fn end(&self) {}

    fn set_status(&self, _: SpanStatus) {}

    fn set_attribute(&self, _: &'static str, _: AttributeValue) {}

    fn record_error(&self, _: &dyn Error) {}

    fn set_current(&self, _: &Context) -> Box<dyn SpanGuard> {
        unreachable!("the pipeline hands spans on in the context")
    }

    fn propagate_headers(&self, _: &mut Request) {}
}

impl AsAny for SilentSpan {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[tokio::test]
async fn each_call_of_either_client_is_a_span_around_its_request() {
    let capture = Capture::new(|request| Answer::status(if request.method == "POST" { 202 } else { 200 }));
    let names = Names::default();
    let mut options: WebPubSubServiceClientOptions = local();
    options.client_options.instrumentation.tracer_provider = Some(Arc::new(names.clone()));
    let client = client(&capture.serve().await, options);
    client.send_to_all(Message::text("hi"), None).await.unwrap();
    client.user_exists("u", None).await.unwrap();
    client.group("g").send_to_all(Message::text("hi"), None).await.unwrap();
    assert_eq!(
        *names.0.lock().unwrap(),
        ["WebPubSub.sendToAll", "POST", "WebPubSub.userExists", "HEAD", "WebPubSub.sendToGroup", "POST"]
    );
}
