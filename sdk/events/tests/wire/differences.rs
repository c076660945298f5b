//! Where this crate answers differently, on purpose, and why.

use std::collections::BTreeMap;

use crate::Answer;

const TEXT: &str = "text/plain; charset=utf-8";

fn answer(status: u16, content_type: Option<&str>, body: &str) -> Answer {
    let content_type = content_type.map(str::to_owned);
    Answer { status, content_type, state: None, allowed_origins: Vec::new(), body: body.to_owned() }
}

fn refused(status: u16, body: &str) -> Answer {
    answer(status, Some(TEXT), body)
}

/// All of them, by the name of the request.
pub(crate) fn all() -> BTreeMap<&'static str, Answer> {
    let asked = Answer { allowed_origins: vec!["*".to_owned()], ..answer(200, None, "") };
    BTreeMap::from([
        // Services ask with GET where OPTIONS is not found, as behind proxies that answer OPTIONS themselves.
        ("validation with GET", asked),
        // 204 and an empty 200 accept alike. A trait's method that is not overridden cannot be told from one that accepts.
        ("connect, unset handler", answer(204, None, "")),
        // The list of allowed endpoints counts for events, too.
        ("connect from an origin that is not listed", refused(403, "the origin is not allowed")),
        // An event that lacks what every event has is told what. The official middleware passes some on and takes others.
        ("validation without origin", refused(400, "the header webhook-request-origin is missing")),
        ("connect without origin", refused(400, "the header webhook-request-origin is missing")),
        ("connect without type", refused(400, "the header ce-type is missing")),
        ("connect without hub", refused(400, "the header ce-hub is missing")),
        ("connect without connection", refused(400, "the header ce-connectionid is missing")),
        ("connect without event name", refused(400, "the header ce-eventname is missing")),
        // What a sender got wrong is 400, which is not sent again; the official middleware fails with 500.
        ("connect with a body that is not JSON", refused(400, "the body is not that of a connect event")),
        ("connect without a body", refused(400, "the body is not that of a connect event")),
        ("user event with JSON that is none", refused(400, "the body is not JSON")),
        ("user event without JSON", refused(400, "the body is not JSON")),
        // An error of a handler is answered by this crate itself, without a word of the error. The official middleware leaves it to the application.
        ("user event, throwing handler", answer(500, None, "The event handler failed.")),
        // A notification is answered when its handler is done, so that it can be sent again: see `Builder::spawn_notifications`.
        ("connected, failing handler", answer(500, None, "The event handler failed.")),
        // Protobuf is a type of data of its own, and media types have no case.
        ("user event with protobuf", answer(200, Some("application/x-protobuf"), "\u{1}")),
        ("user event, content type in another case", answer(200, Some(TEXT), "hi")),
        // A type of data that nobody knows is told, instead of being passed on.
        ("user event of unknown content type", unknown_content_type()),
        ("user event without content type", unknown_content_type()),
    ])
}

fn unknown_content_type() -> Answer {
    let types = "text/plain, application/json, application/octet-stream and application/x-protobuf";
    refused(415, &format!("the content type is none of {types}"))
}
