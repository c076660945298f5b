use std::error::Error as StdError;

use bytes::Bytes;
use http::header::{HOST, SET_COOKIE};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt, Either, Limited};
use hubwire_protocol::HubName;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::access::{self, Caller, HEADER, Role};
use crate::answer::{self, Body, uncached};
use crate::console::{Console, Shared};
use crate::desk::VIEWERS_MAX;
use crate::error::Error;
use crate::history::ENTRIES_MAX;
use crate::interest::Interest;
use crate::parameters::{Parameters, decoded};
use crate::peers::Others;
use crate::settings::Settings;
use crate::{act, browse, client_url, live, openid, sign_out, why};

/// The largest body, in bytes: a message that is sent from the page.
const BODY_BYTES_MAX: usize = 1 << 20;
/// How long a body may take to arrive, in milliseconds.
const BODY_TIMEOUT_MS: u64 = 30_000;
/// Past events that a viewer gets who asks for no number.
const PAST_DEFAULT: u64 = 200;

/// One request of the API.
pub(crate) struct Call<'a> {
    pub(crate) console: &'a Console,
    pub(crate) shared: &'a Shared,
    pub(crate) settings: &'a Settings,
    pub(crate) scheme: &'static str,
    pub(crate) head: &'a Parts,
    /// Another node asks, so no further one is asked.
    pub(crate) alone: bool,
}

/// The token of somebody who signs in.
#[derive(Deserialize)]
struct SignIn {
    token: String,
}

/// Whether recording is to go on.
#[derive(Deserialize)]
struct RecordingWish {
    on: bool,
}

impl Call<'_> {
    pub(crate) fn parameters(&self) -> Parameters {
        Parameters::parse(self.head.uri.query())
    }

    /// The `host[:port]` that the console was reached by.
    pub(crate) fn authority(&self) -> Option<&str> {
        let target = self.head.uri.authority().map(|authority| authority.as_str());
        target.or_else(|| self.head.headers.get(HOST)?.to_str().ok())
    }

    fn operator(&self, caller: &Caller) -> Result<(), Error> {
        if caller.role < Role::Operator { Err(Error::ViewerOnly) } else { Ok(()) }
    }
}

/// Answers one request below `/console/api/`.
pub(crate) async fn answer<B>(call: &Call<'_>, body: B) -> Result<Response<Body>, Error>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let names: Vec<String> = call.head.uri.path().split('/').skip(3).map(decoded).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let clock = &*call.shared.desk.clock;
    match (call.head.method.as_str(), &names[..]) {
        ("GET", ["sign-in"]) => return openid::ways(call),
        ("GET", ["openid", "start"]) => return openid::start(call).await,
        ("GET", ["openid", "callback"]) => return openid::finish(call).await,
        _ => {}
    }
    let signing_in = names == ["session"] && call.head.method == Method::POST;
    if call.head.headers.contains_key(header::COOKIE) {
        sign_out::known(call.shared).await;
    }
    let caller = call.shared.sessions.caller(call.settings, call.head, clock);
    if signing_in && matches!(caller, Ok(_) | Err(Error::SignInRequired)) {
        return sign_in(call, body).await;
    }
    let caller = caller?;
    match (call.head.method.as_str(), &names[..]) {
        ("GET" | "HEAD", _) => look(call, caller, &names).await,
        ("DELETE", ["session"]) => sign_out(call).await,
        ("POST", ["recording"]) => {
            let wish: RecordingWish = read(body).await?;
            if wish.on {
                call.shared.desk.want();
                call.want_elsewhere();
            }
            Ok(answer::json(&call.shared.desk.recording()))
        }
        ("POST", ["hubs", hub, "actions"]) => {
            call.operator(&caller)?;
            let operator = caller.name.as_deref().unwrap_or(caller.how);
            act::act(call, operator, HubName::parse(hub)?, read(body).await?).await
        }
        ("POST", ["hubs", hub, "client-url"]) => {
            call.operator(&caller)?;
            client_url::generate(call, &HubName::parse(hub)?, read(body).await?)
        }
        (
            _,
            [
                "session" | "sign-in" | "openid" | "nodes" | "recording" | "overview" | "trace" | "messages"
                | "why" | "hubs" | "series",
                ..,
            ],
        ) => Err(Error::MethodNotAllowed),
        _ => Err(unknown()),
    }
}

/// Answers a question of another node.
pub(crate) async fn answer_peer(call: &Call<'_>) -> Result<Response<Body>, Error> {
    let names: Vec<String> = call.head.uri.path().split('/').skip(3).map(decoded).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match names[..] {
        ["want"] => {
            call.shared.desk.want();
            Ok(answer::json(&json!({})))
        }
        ["trace"] => Ok(answer::json(&live::since(call)?)),
        ["messages"] => why::messages(call).await,
        ["message"] => Ok(answer::json(&why::message(call)?)),
        ["explain"] => Ok(answer::json(&why::explain_here(call).await?)),
        ["nodes" | "hubs", ..] => show(call, &names).await,
        [sign_out::QUESTION] => sign_out::answer(call),
        _ => Err(unknown()),
    }
}

async fn look(call: &Call<'_>, caller: Caller, names: &[&str]) -> Result<Response<Body>, Error> {
    match names {
        ["session"] => Ok(session(&caller)),
        ["overview"] => Ok(overview(call)),
        ["trace"] => trace(call),
        ["recording"] => Ok(answer::json(&call.shared.desk.recording())),
        ["series"] => {
            let after_ms = call.parameters().number("after", 0..=u64::MAX, 0)?;
            Ok(answer::json(&call.shared.desk.series().json(after_ms)))
        }
        ["nodes"] | ["hubs", ..] => show(call, names).await,
        ["messages"] => why::messages(call).await,
        ["why"] => why::explain(call).await,
        _ => Err(unknown()),
    }
}

/// What one node, or all of them, have to show.
async fn show(call: &Call<'_>, names: &[&str]) -> Result<Response<Body>, Error> {
    match names {
        ["nodes"] => nodes(call).await,
        ["hubs"] => browse::hubs(call).await,
        ["hubs", hub, "groups"] => browse::groups(call, HubName::parse(hub)?).await,
        ["hubs", hub, "users"] => browse::users(call, HubName::parse(hub)?).await,
        ["hubs", hub, "connections"] => browse::connections(call, HubName::parse(hub)?).await,
        ["hubs", hub, "connections", id] => browse::connection(call, HubName::parse(hub)?, id).await,
        _ => Err(unknown()),
    }
}

/// All nodes of the cluster, and how each is. A node that does not answer has nothing but its name.
async fn nodes(call: &Call<'_>) -> Result<Response<Body>, Error> {
    let (desk, settings) = (&call.shared.desk, call.settings);
    let mut own = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "startedAt": desk.started_ms,
        "endpoint": settings.endpoint,
        "workers": call.shared.workers,
        "connections": desk.series().connections(),
    });
    if let Some(peers) = &call.shared.peers {
        own["node"] = peers.node().into();
        own["standing"] = peers.standing();
    }
    let others = Others::of(call).await;
    let answers = others.answers.iter().filter_map(|(_, answer)| answer["items"].as_array()).flatten();
    let mut items: Vec<Value> = answers.cloned().chain([own]).collect();
    items.extend(others.silent.iter().map(|node| json!({"node": node, "silent": true})));
    items.sort_by_key(|item| item["node"].as_str().unwrap_or_default().to_owned());
    Ok(answer::json(&json!({"items": items})))
}

fn unknown() -> Error {
    Error::NotFound("There is nothing at this path.".to_owned())
}

fn session(caller: &Caller) -> Response<Body> {
    let mut shown = json!({"role": caller.role.name(), "how": caller.how, "header": HEADER});
    if let Some(name) = &caller.name {
        shown["name"] = (**name).into();
    }
    answer::json(&shown)
}

async fn sign_in<B>(call: &Call<'_>, body: B) -> Result<Response<Body>, Error>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let SignIn { token } = read(body).await?;
    let (secure, clock) = (call.scheme == "https", &*call.shared.desk.clock);
    let (caller, cookie) = call.shared.sessions.sign_in(call.settings, &token, secure, clock)?;
    with_cookie(session(&caller), &cookie)
}

async fn sign_out(call: &Call<'_>) -> Result<Response<Body>, Error> {
    let (sessions, clock) = (&call.shared.sessions, &*call.shared.desk.clock);
    if let Some(session) = sessions.session(call.settings, call.head, clock) {
        sign_out::end(call.shared, &session).await;
    }
    let mut response = uncached(Response::new(Either::Left(Bytes::new().into())));
    *response.status_mut() = StatusCode::NO_CONTENT;
    with_cookie(response, &access::take_cookie(call.scheme == "https"))
}

fn with_cookie(mut response: Response<Body>, cookie: &str) -> Result<Response<Body>, Error> {
    let value =
        HeaderValue::from_str(cookie).map_err(|_| Error::Internal("a cookie could not be written"))?;
    response.headers_mut().insert(SET_COOKIE, value);
    Ok(response)
}

fn overview(call: &Call<'_>) -> Response<Body> {
    let (desk, settings) = (&call.shared.desk, call.settings);
    answer::json(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "startedAt": desk.started_ms,
        "now": desk.clock.unix_ms(),
        "endpoint": settings.endpoint,
        "workers": call.shared.workers,
        "connections": desk.series().connections(),
        "developmentKey": settings.development_key,
        "payloads": settings.payloads.name(),
        "recording": desk.recording(),
        "viewers": desk.viewers(),
        "viewersMax": VIEWERS_MAX,
    }))
}

fn trace(call: &Call<'_>) -> Result<Response<Body>, Error> {
    let parameters = call.parameters();
    let interest = Interest::parse(&parameters)?;
    let past_max = parameters.number("history", 0..=ENTRIES_MAX as u64, PAST_DEFAULT)? as usize;
    let seen = call.head.headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let after = match seen {
        Some(seen) => seen,
        None => parameters.number("after", 0..=u64::MAX, 0)?,
    };
    // Who has seen more than there is has seen another run of the service.
    let after = if after > call.shared.desk.last_seq() { 0 } else { after };
    let (stream, feed) = call.shared.desk.follow(interest, past_max, after)?;
    live::follow_elsewhere(call, feed, if after > 0 { 0 } else { past_max });
    let mut response = uncached(Response::new(Either::Right(stream.boxed_unsync())));
    let event_stream = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, event_stream);
    // Proxies that collect answers would make a trace of the past.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Reads a JSON body.
async fn read<B, T>(body: B) -> Result<T, Error>
where
    T: DeserializeOwned,
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let patience = std::time::Duration::from_millis(BODY_TIMEOUT_MS);
    let body = Limited::new(body, BODY_BYTES_MAX);
    let read = tokio::time::timeout(patience, body.collect()).await;
    let bytes = match read {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return Err(Error::TooLarge),
        Ok(Err(_)) => return Err(Error::invalid("The body broke off.")),
        Err(_) => return Err(Error::invalid("The body did not arrive in time.")),
    };
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::invalid(format!("The body is not what it should be: {error}.")))
}
