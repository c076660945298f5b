use hubwire_hub::SimpleMode;
use hubwire_protocol::GroupName;

use super::refusal::Refusal;
use super::request::Call;

/// Reads what a simple client's messages are to mean. It is judged for every client that connects, as in the service, although only simple
/// ones go by it.
pub(super) fn mode(call: &Call) -> Result<SimpleMode, Refusal> {
    let mode = call.parameter("webpubsub_mode").unwrap_or_default();
    if mode.is_empty() || mode.eq_ignore_ascii_case("sendEvent") {
        return Ok(SimpleMode::SendEvent);
    }
    if !mode.eq_ignore_ascii_case("sendToGroup") {
        return Err(Refusal::Mode);
    }
    let group =
        GroupName::parse(call.parameter("group").unwrap_or_default()).map_err(|_| Refusal::SimpleGroup)?;
    let no_echo = match call.parameter("noEcho").unwrap_or_default() {
        "" => false,
        text if text.eq_ignore_ascii_case("false") => false,
        text if text.eq_ignore_ascii_case("true") => true,
        _ => return Err(Refusal::NoEcho),
    };
    Ok(SimpleMode::SendToGroup { group, no_echo })
}
