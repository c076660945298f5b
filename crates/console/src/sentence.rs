//! What happened, in words.

use hubwire_hub::{Fact, Happening, Party, Source};

use crate::message::{Message, id, target_words};

/// A sentence about a fact. Names of others stand in it as they are: whoever shows it makes them harmless.
pub(crate) fn sentence(fact: &Fact, message: Option<&Message>) -> String {
    let who = who(fact);
    match &fact.happening {
        Happening::Opened { protocol, .. } => {
            format!("{who} connected, speaking {}", protocol.as_deref().unwrap_or("no subprotocol"))
        }
        Happening::Refused { status, reason, path } => {
            format!("a client was refused at {path} with {status}: {reason}")
        }
        Happening::Lost { recoverable_for_ms, silent } => {
            let how = if *silent { "did not answer pings" } else { "lost its socket" };
            format!("{who} {how} and may come back within {} s", recoverable_for_ms / 1000)
        }
        Happening::Recovered { replayed } => {
            format!("{who} came back; {} sent again", count(*replayed, "message"))
        }
        Happening::RecoveryRefused => {
            format!("{who} wanted to come back, but its session is not there (1008)")
        }
        Happening::Closed { code, reason, by, .. } => closed(&who, *code, reason, *by),
        Happening::SlowConsumer { window, waiting_messages, waiting_bytes, .. } => {
            let what = if *window { "has not acknowledged" } else { "does not read" };
            format!(
                "{who} {what} {} ({waiting_bytes} bytes) and is closed",
                count(*waiting_messages, "message")
            )
        }
        Happening::RequestRefused { request, error, .. } => {
            format!("{who} was refused {request}: {}: {}", error.name, error.message)
        }
        Happening::InvalidMessage { code, reason } => {
            format!("{who} broke its protocol and is closed with {code}: {reason}")
        }
        Happening::Joined(by) => format!("{who} joined group {}{}", group(fact), by_whom(*by)),
        Happening::Left(by) => format!("{who} left group {}{}", group(fact), by_whom(*by)),
        Happening::Permitted { permission, allowed } => {
            let verb = if *allowed { "was granted" } else { "was revoked" };
            format!("{who} {verb} {permission} for group {}", group(fact))
        }
        _ => about_message(fact, message, &who),
    }
}

fn about_message(fact: &Fact, message: Option<&Message>, who: &str) -> String {
    match &fact.happening {
        Happening::Published(published) => {
            let size = message.map(Message::size).unwrap_or_default();
            format!(
                "{} published {size} to {} as message {}",
                publisher(fact, published.source),
                target_words(&published.target),
                id(published.message)
            )
        }
        Happening::Delivered(delivered) => {
            let mut text = format!(
                "message {} reached {} of {}",
                id(delivered.message),
                delivered.delivered,
                count(delivered.recipients, "recipient")
            );
            for (number, what) in [
                (delivered.excluded, "excluded"),
                (delivered.filtered, "filtered"),
                (delivered.skipped, "skipped"),
                (delivered.overflowed, "overflowed"),
            ] {
                if number > 0 {
                    text.push_str(&format!(", {number} {what}"));
                }
            }
            text
        }
        Happening::Dropped { messages } => {
            format!("{} for {who} dropped: time to live passed", count(*messages, "message"))
        }
        Happening::RestCall(call) => {
            let error =
                call.error.as_ref().map(|(code, text)| format!(": {code}: {text}")).unwrap_or_default();
            format!("{} {} was answered {}{error}", call.method, call.path, call.status)
        }
        Happening::UpstreamCall(call) => match &call.failure {
            None => format!(
                "event {} to {} was answered {} after {} ms",
                call.event, call.url, call.status, call.duration_ms
            ),
            Some(failure) => format!(
                "event {} to {} failed after {} ms: {failure}",
                call.event, call.url, call.duration_ms
            ),
        },
        _ => String::new(),
    }
}

fn closed(who: &str, code: Option<u16>, reason: &str, by: Party) -> String {
    let ended = match by {
        Party::Client => "ended",
        Party::Application => "was closed by the application",
        _ => "was closed by the service",
    };
    let code = code.map(|code| format!(" with {code}")).unwrap_or_default();
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    format!("{who} {ended}{code}{reason}")
}

fn who(fact: &Fact) -> String {
    let id = fact.connection.map(|id| id.to_string());
    let short = id.as_deref().map(|id| &id[..8]);
    match (&fact.user, short) {
        (Some(user), Some(short)) => format!("{user} ({short})"),
        (None, Some(short)) => format!("connection {short}"),
        (Some(user), None) => user.to_string(),
        (None, None) => "a client".to_owned(),
    }
}

fn group(fact: &Fact) -> &str {
    fact.group.as_ref().map_or("?", |group| group.as_str())
}

fn publisher(fact: &Fact, source: Source) -> String {
    match source {
        Source::Application => "the application".to_owned(),
        Source::Operator => "an operator".to_owned(),
        Source::Handler => "an event handler".to_owned(),
        Source::Client(_) => who(fact),
    }
}

fn by_whom(by: Party) -> &'static str {
    match by {
        Party::Client | Party::Service => "",
        Party::Application => ", by the application",
        Party::Token => ", by its token",
        Party::End => ", since it ended",
    }
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
