//! Rules in words.

use hubwire_hub::Rule;
use hubwire_protocol::UserId;
use serde_json::{Value, json};

use crate::message::{Message, target, target_words};

/// What the API says about one connection.
pub(crate) struct Verdict {
    pub(crate) rule: &'static str,
    /// `None` where it cannot be known.
    pub(crate) arrived: Option<bool>,
    pub(crate) text: String,
    pub(crate) detail: Value,
}

fn no(rule: &'static str, text: impl Into<String>, detail: Value) -> Verdict {
    Verdict { rule, arrived: Some(false), text: text.into(), detail }
}

/// A rule as people are told it.
pub(crate) fn verdict(rule: &Rule, message: &Message, user: Option<&UserId>) -> Verdict {
    match rule {
        Rule::Acknowledged { .. }
        | Rule::Unacknowledged { .. }
        | Rule::Written { .. }
        | Rule::Waiting { .. }
        | Rule::Lost { .. }
        | Rule::SessionExpired { .. } => delivered(rule),
        Rule::Excluded => no("excluded", "The publisher left it out by its id.", json!({})),
        Rule::NoEcho => no("noEcho", "It published the message itself, with noEcho.", json!({})),
        Rule::Filtered { filter, values } => filtered(filter, values),
        Rule::Skipped { protocol } => {
            let protocol = protocol.as_deref().unwrap_or("simple");
            let text = format!("A client that speaks {protocol} cannot be shown such a message.");
            no("skipped", text, json!({"protocol": protocol}))
        }
        Rule::TtlPassed { dropped_ms } => {
            let text =
                format!("It waited longer than its time to live of {} s, and was dropped.", message.ttl_s);
            let mut detail = json!({"ttlSeconds": message.ttl_s});
            if let Some(dropped_ms) = dropped_ms {
                detail["droppedAt"] = (*dropped_ms).into();
            }
            no("ttlPassed", text, detail)
        }
        Rule::OutboxFull => {
            let reason = "The outbound message queue is full.";
            no(
                "outboxFull",
                "The client did not read fast enough: its queue was full, and this message ended the connection (limits outbox_messages_max and outbox_bytes_max).",
                json!({"reason": reason}),
            )
        }
        Rule::WindowFull => {
            let reason = "The reliable message buffer is full.";
            no(
                "windowFull",
                "The client did not acknowledge: its window was full, and this message ended the session (limits unacknowledged_messages_max and unacknowledged_bytes_max).",
                json!({"reason": reason}),
            )
        }
        _ => not_meant(rule, message, user),
    }
}

fn delivered(rule: &Rule) -> Verdict {
    match rule {
        Rule::Acknowledged { sequence_id, delivered_ms } => Verdict {
            rule: "acknowledged",
            arrived: Some(true),
            text: format!("It was delivered with sequence id {sequence_id}, and the client has acknowledged it."),
            detail: json!({"sequenceId": sequence_id, "deliveredAt": delivered_ms}),
        },
        Rule::Unacknowledged { sequence_id, delivered_ms, attached } => Verdict {
            rule: "unacknowledged",
            arrived: None,
            text: if *attached {
                format!("It was delivered with sequence id {sequence_id}; the client has not acknowledged it yet.")
            } else {
                format!("It is kept with sequence id {sequence_id} for a client that has lost its socket and may come back.")
            },
            detail: json!({"sequenceId": sequence_id, "deliveredAt": delivered_ms, "attached": attached}),
        },
        Rule::Waiting { delivered_ms, messages, bytes } => no(
            "waiting",
            format!("It waits: the client's socket does not take what is sent ({messages} messages, {bytes} bytes)."),
            json!({"deliveredAt": delivered_ms, "waitingMessages": messages, "waitingBytes": bytes}),
        ),
        Rule::Lost { ended_ms, reason } => no(
            "lost",
            format!("The connection ended before the message got through: {reason}"),
            json!({"endedAt": ended_ms, "reason": reason}),
        ),
        Rule::SessionExpired { sequence_id, ended_ms } => no(
            "sessionExpired",
            format!("It was kept with sequence id {sequence_id}, but the client did not come back in time (limit recovery_window_ms)."),
            json!({"sequenceId": sequence_id, "endedAt": ended_ms}),
        ),
        Rule::Written { delivered_ms } => Verdict {
            rule: "written",
            arrived: None,
            text: "It was written to the client's socket. A client of this protocol acknowledges nothing, so nobody knows more.".to_owned(),
            detail: json!({"deliveredAt": delivered_ms}),
        },
        _ => unknown(),
    }
}

fn not_meant(rule: &Rule, message: &Message, user: Option<&UserId>) -> Verdict {
    let other = || json!({"target": target(&message.target)});
    match rule {
        Rule::NotInGroup { group, joined_ms, left_ms } => {
            let mut text = format!("It was not in group {group} when the message was published.");
            let mut detail = json!({"group": group.as_str()});
            if let Some(left_ms) = left_ms {
                text.push_str(" It had left before.");
                detail["leftAt"] = (*left_ms).into();
            }
            if let Some(joined_ms) = joined_ms {
                text.push_str(" It joined afterwards.");
                detail["joinedAt"] = (*joined_ms).into();
            }
            no("notInGroup", text, detail)
        }
        Rule::OtherUser => {
            let is = user
                .map_or("this connection has none".to_owned(), |user| format!("this connection's is {user}"));
            no("otherUser", format!("The message was for {}; {is}.", target_words(&message.target)), other())
        }
        Rule::OtherConnection => {
            no("otherConnection", format!("The message was for {}.", target_words(&message.target)), other())
        }
        Rule::OtherHub => no(
            "otherHub",
            format!("The message was published in hub {}, where this connection is not.", message.hub),
            other(),
        ),
        Rule::Ended { ended_ms, reason, code } => {
            let mut detail = json!({"endedAt": ended_ms, "reason": reason});
            if let Some(code) = code {
                detail["code"] = (*code).into();
            }
            let reason = if reason.is_empty() { "." } else { &format!(": {reason}") };
            no("connectionEnded", format!("The connection had ended before{reason}"), detail)
        }
        Rule::NotYetConnected { opened_ms } => no(
            "notYetConnected",
            "It connected only after the message was published.",
            json!({"openedAt": opened_ms}),
        ),
        Rule::Unknown => no(
            "unknownConnection",
            "No such connection is known: it never was, or it ended before recording began.",
            json!({}),
        ),
        _ => unknown(),
    }
}

fn filtered(filter: &str, values: &[(String, String)]) -> Verdict {
    let shown: Vec<_> = values.iter().map(|(name, value)| format!("{name} is {value}")).collect();
    let text = format!("The filter {filter} left it out: {}.", shown.join(", "));
    let values: Vec<_> = values.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    no("filtered", text, json!({"filter": filter, "values": values}))
}

fn unknown() -> Verdict {
    Verdict {
        rule: "notRecorded",
        arrived: None,
        text: "What decided is not recorded: the message is too old, or had too many recipients to be kept."
            .to_owned(),
        detail: json!({}),
    }
}
