//! Facts as the API shows them: kind, level and detail.

use hubwire_hub::{Fact, Happening, Party};
use serde_json::{Value, json};

use crate::message::{Message, delivery, id};

/// The name of a fact's kind.
pub(crate) fn kind(happening: &Happening) -> &'static str {
    match happening {
        Happening::Opened { .. } => "connectionOpened",
        Happening::Refused { .. } => "connectionRefused",
        Happening::Lost { .. } => "connectionLost",
        Happening::Recovered { .. } => "connectionRecovered",
        Happening::RecoveryRefused => "recoveryRefused",
        Happening::Closed { .. } => "connectionClosed",
        Happening::SlowConsumer { .. } => "slowConsumer",
        Happening::RequestRefused { .. } => "requestRefused",
        Happening::InvalidMessage { .. } => "invalidMessage",
        Happening::Joined(_) => "groupJoined",
        Happening::Left(_) => "groupLeft",
        Happening::Permitted { allowed: true, .. } => "permissionGranted",
        Happening::Permitted { allowed: false, .. } => "permissionRevoked",
        Happening::Published(_) => "publish",
        Happening::Delivered(_) => "delivery",
        Happening::Dropped { .. } => "messageDropped",
        Happening::RestCall(_) => "restCall",
        Happening::UpstreamCall(_) => "upstreamCall",
    }
}

/// Whether a fact is a refusal, a fault or a loss.
pub(crate) fn is_warning(happening: &Happening) -> bool {
    match happening {
        Happening::Refused { .. }
        | Happening::Lost { .. }
        | Happening::RecoveryRefused
        | Happening::SlowConsumer { .. }
        | Happening::RequestRefused { .. }
        | Happening::InvalidMessage { .. }
        | Happening::Dropped { .. } => true,
        Happening::Closed { by, .. } => *by == Party::Service,
        Happening::Delivered(delivered) => delivered.overflowed > 0,
        Happening::RestCall(call) => call.status >= 400,
        Happening::UpstreamCall(call) => call.failure.is_some(),
        _ => false,
    }
}

/// What a fact tells beyond whom it is about.
pub(crate) fn detail(fact: &Fact, message: Option<&Message>) -> Value {
    match &fact.happening {
        Happening::Opened { protocol, groups, permissions } => json!({
            "protocol": protocol.as_deref().unwrap_or("simple"),
            "groups": groups.iter().map(|group| group.as_str()).collect::<Vec<_>>(),
            "permissions": permissions,
        }),
        Happening::Refused { status, reason, path } => {
            json!({"status": status, "reason": reason, "path": path})
        }
        Happening::Lost { recoverable_for_ms, silent } => {
            let reason = if *silent { "pingTimeout" } else { "socketEnded" };
            json!({"recoverableForMs": recoverable_for_ms, "reason": reason})
        }
        Happening::Recovered { replayed } => json!({"replayed": replayed}),
        Happening::RecoveryRefused => {
            let close = hubwire_protocol::codes::Close::NOT_RECOVERABLE;
            json!({"code": close.code, "reason": close.reason})
        }
        Happening::Closed { code, reason, by, age_ms } => {
            let mut shown = json!({"reason": reason, "by": party(*by), "ageMs": age_ms});
            if let Some(code) = code {
                shown["code"] = (*code).into();
            }
            shown
        }
        Happening::SlowConsumer { window, waiting_messages, waiting_bytes, limit_messages, limit_bytes } => {
            json!({
                "bound": if *window { "window" } else { "outbox" },
                "waitingMessages": waiting_messages,
                "waitingBytes": waiting_bytes,
                "limitMessages": limit_messages,
                "limitBytes": limit_bytes,
            })
        }
        Happening::RequestRefused { request, error, ack_id } => {
            let mut shown = json!({"request": request, "error": error.name, "reason": error.message});
            if let Some(ack_id) = ack_id {
                shown["ackId"] = (*ack_id).into();
            }
            shown
        }
        Happening::InvalidMessage { code, reason } => json!({"code": code, "reason": reason}),
        Happening::Joined(by) | Happening::Left(by) => json!({"by": party(*by)}),
        Happening::Permitted { permission, .. } => json!({"permission": permission.as_str()}),
        Happening::Published(_) => message.map_or(Value::Null, |message| Value::Object(message.json())),
        Happening::Delivered(delivered) => {
            let mut shown = delivery(delivered);
            shown["message"] = id(delivered.message).into();
            shown
        }
        Happening::Dropped { messages } => json!({"messages": messages, "reason": "ttl"}),
        Happening::RestCall(_) | Happening::UpstreamCall(_) => call(&fact.happening),
    }
}

fn call(happening: &Happening) -> Value {
    match happening {
        Happening::RestCall(call) => {
            let mut shown = json!({
                "operation": call.operation,
                "method": call.method,
                "path": call.path,
                "status": call.status,
                "durationUs": call.duration_us,
            });
            if let Some(trace_id) = call.trace_id {
                shown["traceId"] = trace_id.to_string().into();
            }
            if let Some((code, text)) = &call.error {
                shown["error"] = (*code).into();
                shown["reason"] = text.as_str().into();
            }
            shown
        }
        Happening::UpstreamCall(call) => {
            let outcome = match (&call.failure, call.status) {
                (None, _) => "ok",
                (Some(_), 0) => "failed",
                (Some(_), _) => "refused",
            };
            let mut shown = json!({
                "event": call.event,
                "requestId": call.request_id,
                "url": call.url,
                "status": call.status,
                "durationMs": call.duration_ms,
                "outcome": outcome,
            });
            if let Some(failure) = &call.failure {
                shown["reason"] = failure.as_str().into();
            }
            shown
        }
        _ => Value::Null,
    }
}

fn party(party: Party) -> &'static str {
    match party {
        Party::Client => "client",
        Party::Application => "application",
        Party::Service => "service",
        Party::Token => "token",
        Party::End => "end",
    }
}
