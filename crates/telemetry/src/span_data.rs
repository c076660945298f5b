//! From the service's spans to OpenTelemetry's. Names follow its semantic conventions where there are some.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use hubwire_hub::{Delivered, RestCall, Span, UpstreamCall, Work};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::collector::Environment;

/// What makes a time on the clock that spans are measured by one of the calendar.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calendar {
    monotonic_us: u64,
    unix_us: u64,
}

impl Calendar {
    /// As it is now. Taken for each batch, so that a wall clock that is put right is followed.
    pub(crate) fn now(environment: &dyn Environment) -> Self {
        Self { monotonic_us: environment.monotonic_us(), unix_us: environment.unix_us() }
    }

    fn time(self, monotonic_us: u64) -> SystemTime {
        let ago_us = self.monotonic_us.saturating_sub(monotonic_us);
        SystemTime::UNIX_EPOCH + Duration::from_micros(self.unix_us.saturating_sub(ago_us))
    }
}

pub(crate) fn span_data(span: Span, calendar: Calendar) -> SpanData {
    let sampled = if span.context.sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    let trace_id = TraceId::from_bytes(span.context.trace_id.bits().to_be_bytes());
    let span_id = SpanId::from_bytes(span.context.span_id.to_be_bytes());
    let parent = span.cause.map_or(SpanId::INVALID, |cause| SpanId::from_bytes(cause.span_id.to_be_bytes()));
    let mut attributes = named(&span);
    let (name, span_kind, status) = described(&span.work, &mut attributes);
    SpanData {
        span_context: SpanContext::new(trace_id, span_id, sampled, false, TraceState::NONE),
        parent_span_id: parent,
        parent_span_is_remote: matches!(span.work, Work::RestCall(_)),
        span_kind,
        name,
        start_time: calendar.time(span.begun_us),
        end_time: calendar.time(span.ended_us),
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status,
        instrumentation_scope: InstrumentationScope::builder("hubwire").build(),
    }
}

/// Whom the span is about.
fn named(span: &Span) -> Vec<KeyValue> {
    let names = [
        ("hubwire.hub", span.hub.as_ref().map(ToString::to_string)),
        ("hubwire.group", span.group.as_ref().map(ToString::to_string)),
        ("hubwire.user", span.user.as_ref().map(ToString::to_string)),
        ("hubwire.connection", span.connection.map(|connection| connection.to_string())),
    ];
    names.into_iter().filter_map(|(name, value)| Some(KeyValue::new(name, value?))).collect()
}

fn described(work: &Work, attributes: &mut Vec<KeyValue>) -> (Cow<'static, str>, SpanKind, Status) {
    match work {
        Work::RestCall(call) => (call.operation.into(), SpanKind::Server, rest_call(call, attributes)),
        Work::Request(request) => ((*request).into(), SpanKind::Server, Status::Unset),
        Work::Publish(bytes) => {
            put(attributes, "messaging.system", "hubwire");
            put(attributes, "messaging.operation.type", "send");
            put(attributes, "messaging.message.body.size", count(*bytes));
            ("publish".into(), SpanKind::Producer, Status::Unset)
        }
        Work::Delivery(delivered) => {
            delivery(delivered, attributes);
            ("deliver".into(), SpanKind::Consumer, Status::Unset)
        }
        Work::UpstreamCall(call) => {
            (format!("event {}", call.event).into(), SpanKind::Client, upstream_call(call, attributes))
        }
    }
}

fn rest_call(call: &RestCall, attributes: &mut Vec<KeyValue>) -> Status {
    put(attributes, "http.request.method", call.method.clone());
    put(attributes, "url.path", call.path.clone());
    put(attributes, "http.response.status_code", i64::from(call.status));
    let Some((code, text)) = &call.error else {
        return Status::Unset;
    };
    put(attributes, "error.type", *code);
    // What a caller did wrong is no error of the service.
    if call.status >= 500 { Status::error(text.clone()) } else { Status::Unset }
}

fn delivery(delivered: &Delivered, attributes: &mut Vec<KeyValue>) {
    put(attributes, "messaging.system", "hubwire");
    put(attributes, "messaging.operation.type", "process");
    let counts = [
        ("hubwire.recipients", delivered.recipients),
        ("hubwire.delivered", delivered.delivered),
        ("hubwire.excluded", delivered.excluded),
        ("hubwire.filtered", delivered.filtered),
        ("hubwire.skipped", delivered.skipped),
        ("hubwire.overflowed", delivered.overflowed),
    ];
    counts.into_iter().for_each(|(name, value)| put(attributes, name, count(value)));
}

fn upstream_call(call: &UpstreamCall, attributes: &mut Vec<KeyValue>) -> Status {
    put(attributes, "http.request.method", "POST");
    put(attributes, "url.full", call.url.clone());
    put(attributes, "hubwire.event", call.event.clone());
    put(attributes, "hubwire.request_id", call.request_id.clone());
    if call.status != 0 {
        put(attributes, "http.response.status_code", i64::from(call.status));
    }
    call.failure.clone().map_or(Status::Unset, Status::error)
}

fn put(attributes: &mut Vec<KeyValue>, name: &'static str, value: impl Into<Value>) {
    attributes.push(KeyValue::new(name, value));
}

fn count(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
