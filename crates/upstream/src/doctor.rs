//! Diagnosis: what a handler is sent, what it answers, what was expected, and what to change. Setting up webhooks is where people lose days.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::Full;
use hubwire_hub::Attempt;
use hubwire_protocol::{ConnectionId, HubName};

use crate::call::{Call, Memory, Repeated};
use crate::client::{HttpClient, read_body};
use crate::cookies::Cookies;
use crate::settings::{Handler, HandlerAuth, Settings};
use crate::template::shown;
use crate::validation::{Inquiry, Validations};
use crate::{CallError, CloudEvent, Content, Environment, Kind, answer, connect};

/// The host that handlers are told where the configuration names none.
const ORIGIN_DEFAULT: &str = "localhost";
/// The user of events that are not real.
const USER: &str = "hubwire-doctor";
/// How long one request may take, in milliseconds: a person waits.
const TIMEOUT_MS: u64 = 10_000;
/// What of an answer's body is shown, in bytes.
const BODY_SHOWN_BYTES_MAX: usize = 512;

/// One request to a handler, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is for.
    pub title: String,
    /// What was said, line by line and in its order: requests behind `> `, answers behind `< `. Secrets are left out.
    pub exchange: Vec<String>,
    /// What was expected of the answer.
    pub expected: String,
    /// What is wrong and what to change; nothing if all is well.
    pub problem: Option<String>,
}

/// Examines one handler of a hub with the requests that it would get: the validation, and an event that is not real.
pub struct Doctor<'a> {
    /// The settings of the service.
    pub settings: &'a Settings,
    /// The hub.
    pub hub: &'a HubName,
    /// Time and randomness.
    pub environment: Arc<dyn Environment>,
}

impl Doctor<'_> {
    /// Makes the requests, in their order, until one fails whose failure would hide all that follows.
    pub async fn examine(&self, handler: &Handler, event: Option<&str>) -> Vec<Step> {
        let client = HttpClient::new(self.settings.egress.clone(), self.settings.limits.connect_timeout_ms);
        let mut steps = Vec::new();
        if handler.validate {
            let step = self.validation(&client, handler).await;
            let unreachable = step.problem.is_some() && !step.is_answered();
            steps.push(step);
            if unreachable {
                return steps;
            }
        }
        let refused = steps.iter().any(|step| step.problem.is_some());
        match self.event(handler, event) {
            Ok(told) => {
                let mut step = self.tell(&client, handler, &told).await;
                if refused {
                    step.title.push_str(" (the service does not send it as long as the validation fails)");
                }
                steps.push(step);
            }
            Err(problem) => {
                steps
                    .push(Step { problem: Some(problem), ..Step::new("An event".to_owned(), String::new()) });
            }
        }
        steps
    }

    /// What to know of the host that this command says the service is.
    fn origin_note(&self) -> String {
        match &self.settings.origin {
            Some(_) => String::new(),
            None => format!(
                ". `{ORIGIN_DEFAULT}` is a guess: as neither `upstream.origin` nor `endpoint` is set, the service says the host that each client asks for"
            ),
        }
    }

    fn origin(&self) -> &str {
        self.settings.origin.as_deref().unwrap_or(ORIGIN_DEFAULT)
    }

    async fn validation(&self, client: &HttpClient, handler: &Handler) -> Step {
        let origin = self.origin();
        let expected = format!(
            "status 2xx and a header `WebHook-Allowed-Origin: {origin}`, or `WebHook-Allowed-Origin: *`{}",
            self.origin_note()
        );
        let mut step = Step::new("Validation: may this service send events?".to_owned(), expected);
        let Some(uri) = handler.template.validation_url(self.hub.as_str()) else {
            step.problem = Some("the URL template makes no URL for this hub".to_owned());
            return step;
        };
        let inquiry = Inquiry {
            client: client.clone(),
            uri: uri.clone(),
            origin: origin.to_owned(),
            timeout_ms: TIMEOUT_MS,
            environment: self.environment.clone(),
        };
        let mut method = Method::OPTIONS;
        loop {
            let request = inquiry.request(&method);
            step.exchange.extend(request_lines(&request, &[]));
            match send(client, request).await {
                Ok((head, _)) => {
                    step.exchange.extend(response_lines(&head, &[]));
                    if head.status() == StatusCode::NOT_FOUND && method == Method::OPTIONS {
                        method = Method::GET;
                        continue;
                    }
                    step.problem = validation_problem(&inquiry, &head, &uri);
                }
                Err(error) => step.problem = Some(unreachable(&error, &uri)),
            }
            return step;
        }
    }

    /// The event that the handler is sent: as asked for, else one that it takes.
    fn event(&self, handler: &Handler, name: Option<&str>) -> Result<CloudEvent, String> {
        let name = match name {
            Some(name) => name.to_owned(),
            None if handler.system_events.connect => "connect".to_owned(),
            None if handler.user_events.matches("message") => "message".to_owned(),
            None if handler.system_events.connected => "connected".to_owned(),
            None if handler.system_events.disconnected => "disconnected".to_owned(),
            None => {
                return Err(
                    "it takes none of the usual events; --event NAME says which one to send".to_owned()
                );
            }
        };
        let system = matches!(name.as_str(), "connect" | "connected" | "disconnected");
        let attempt = Attempt {
            connection: ConnectionId::new(self.environment.random(), 0),
            hub: self.hub.clone(),
            user: Some(USER.to_owned()),
            origin: self.origin().into(),
            raised_ms: self.environment.unix_ms(),
            claims: vec![("sub".to_owned(), vec![USER.to_owned()])],
            query: Vec::new(),
            headers: vec![("host".to_owned(), vec![self.origin().to_owned()])],
            subprotocols: vec!["json.webpubsub.azure.v1".to_owned()],
            certificates: Vec::new(),
            cause: None,
        };
        let body = match name.as_str() {
            "connect" => connect::body(&attempt),
            "disconnected" => Bytes::from_static(br#"{"reason":"hubwire doctor"}"#),
            "connected" => Bytes::from_static(b"{}"),
            _ => Bytes::from_static(b"hello from hubwire doctor"),
        };
        let event = CloudEvent::of_attempt(&attempt, body, self.environment.random());
        let kind = if system { Kind::System } else { Kind::User };
        let content = if system { Content::Json } else { Content::Text };
        Ok(CloudEvent { name, kind: kind as i32, content: content as i32, ..event })
    }

    async fn tell(&self, client: &HttpClient, handler: &Handler, event: &CloudEvent) -> Step {
        let expected = match event.name.as_str() {
            "connect" => {
                "status 204, or 200 with JSON such as {\"userId\":\"…\",\"groups\":[],\"roles\":[]}; 4xx refuses the client"
            }
            "connected" | "disconnected" => "any status 2xx; the answer is not looked at",
            _ => {
                "status 204, or 200 with a body of type text/plain, application/json, application/octet-stream or application/x-protobuf"
            }
        };
        let title = format!("A `{}` event of a connection that does not exist", event.name);
        let mut step = Step::new(title, expected.to_owned());
        let memory = Memory {
            validations: Validations::default(),
            cookies: Cookies::default(),
            environment: self.environment.clone(),
            observer: Arc::new(hubwire_hub::NoObserver),
        };
        let hub = self.settings.hub(self.hub);
        let call = Call { settings: self.settings, hub, handler, event, repeated: Repeated::Later };
        let request = match call.request(client, &memory).await {
            Ok(request) => request,
            Err(error) => {
                step.problem =
                    Some(format!("{error}: correct the handler's `bearer_token` or `client_credentials`"));
                return step;
            }
        };
        let uri = request.uri().clone();
        step.exchange = request_lines(&request, &event.body);
        match send(client, request).await {
            Ok((head, body)) => {
                step.exchange.extend(response_lines(&head, &body));
                step.problem = event_problem(handler, event, &head, body, &uri).await;
            }
            Err(error) => step.problem = Some(unreachable(&error, &uri)),
        }
        step
    }
}

async fn send(
    client: &HttpClient,
    request: Request<Full<Bytes>>,
) -> Result<(Response<()>, Bytes), CallError> {
    let answered = async {
        let (head, body) = client.send(request).await?.into_parts();
        let body = read_body(body, 16 << 20).await?;
        Ok((Response::from_parts(head, ()), body))
    };
    let answered = tokio::time::timeout(Duration::from_millis(TIMEOUT_MS), answered).await;
    answered.unwrap_or(Err(CallError::Timeout(TIMEOUT_MS)))
}

impl Step {
    fn new(title: String, expected: String) -> Self {
        Self { title, exchange: Vec::new(), expected, problem: None }
    }

    fn is_answered(&self) -> bool {
        self.exchange.iter().any(|line| line.starts_with("< "))
    }
}

fn request_lines(request: &Request<Full<Bytes>>, body: &[u8]) -> Vec<String> {
    let first = format!("{} {}", request.method(), shown(&request.uri().to_string()));
    lines("> ", first, request.headers(), body)
}

fn response_lines(head: &Response<()>, body: &[u8]) -> Vec<String> {
    lines("< ", format!("{:?} status {}", head.version(), head.status()), head.headers(), body)
}

fn lines(mark: &str, first: String, headers: &HeaderMap, body: &[u8]) -> Vec<String> {
    let mut lines: Vec<_> = std::iter::once(first).chain(header_lines(headers)).collect();
    if !body.is_empty() {
        let start = String::from_utf8_lossy(&body[..body.len().min(BODY_SHOWN_BYTES_MAX)]);
        lines.push(String::new());
        // Quotation marks stay readable; what could disturb a terminal does not stay.
        lines.push(start.chars().map(|one| if one.is_control() { ' ' } else { one }).collect());
        if body.len() > BODY_SHOWN_BYTES_MAX {
            lines.push(format!("(the first {BODY_SHOWN_BYTES_MAX} of {} bytes)", body.len()));
        }
    }
    lines.iter().map(|line| format!("{mark}{line}")).collect()
}

fn header_lines(headers: &HeaderMap) -> impl Iterator<Item = String> + '_ {
    let value = |name: &header::HeaderName, value: &HeaderValue| {
        if value.is_sensitive() || *name == header::SET_COOKIE {
            "(not shown)".to_owned()
        } else {
            String::from_utf8_lossy(value.as_bytes()).escape_debug().to_string()
        }
    };
    headers.iter().map(move |(name, content)| format!("{name}: {}", value(name, content)))
}

fn unreachable(error: &CallError, uri: &Uri) -> String {
    let text = error.to_string();
    let advice = match error {
        CallError::Egress(_) => "the setting that is named forbids it",
        _ if text.contains("peer certificate") => {
            "the application is there, but this machine does not trust its certificate. If an authority of your own signed it, name a file with that authority's certificate in the environment variable SSL_CERT_FILE of this service; if the error speaks of names or times, the certificate is for another host than `url_template` has, or out of date"
        }
        _ if text.contains("corrupt message") => {
            "what listens there does not speak TLS: `url_template` should probably begin with http://"
        }
        CallError::Timeout(_) => {
            "something accepts the connection but does not answer: is it an HTTP server, and is it this application?"
        }
        _ if uri.scheme_str() == Some("https") => {
            "is the application running, is its port open from here, and does it speak TLS there?"
        }
        _ => {
            "is the application running, does it listen on this address and not only on another one, and is its port open from here? Inside a container, `localhost` is the container"
        }
    };
    format!("{text}. {advice}", advice = capitalised(advice))
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + characters.as_str()
}

fn validation_problem(inquiry: &Inquiry, head: &Response<()>, uri: &Uri) -> Option<String> {
    let (status, path) = (head.status(), uri.path());
    if status.is_success() {
        let refused = match inquiry.judge(head.headers()).err()? {
            CallError::OriginNotAllowed { allowed, .. } if allowed.is_empty() => {
                "the answer has no header WebHook-Allowed-Origin (the log of the service calls this AbuseProtectionResponseMissingAllowedOrigin). Does the middleware, or something before it, answer OPTIONS?".to_owned()
            }
            CallError::OriginNotAllowed { allowed, origin, .. } => format!(
                "the application allows `{allowed}`, and this service says that it is `{origin}` (the log of the service calls this AbuseProtectionResponseMissingAllowedOrigin)"
            ),
            error => error.to_string(),
        };
        return Some(format!(
            "{refused}. In the JavaScript middleware, `allowedEndpoints` must contain `https://{origin}`, or be left out; setting `upstream.origin` (or `endpoint`) decides what host this service says it is",
            origin = inquiry.origin
        ));
    }
    Some(match status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => format!(
            "the application has no route for OPTIONS {path}. The JavaScript middleware answers below its option `path` (by default /api/webpubsub/hubs/{{hub}}/): the path of `url_template` must begin with it"
        ),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "something in front of the application wants credentials: let OPTIONS pass, or set `code`, or `validate = false` if you trust the handler".to_owned()
        }
        status if status.is_redirection() => {
            "redirects are not followed: write the final URL into `url_template` (often: https, or a slash at the end)".to_owned()
        }
        status if status.is_server_error() => "the application failed; its own log says why".to_owned(),
        status => format!("the application answers {status}; its own log may say why"),
    })
}

async fn event_problem(
    handler: &Handler,
    event: &CloudEvent,
    head: &Response<()>,
    body: Bytes,
    uri: &Uri,
) -> Option<String> {
    let status = head.status();
    if status.is_success() {
        let understood = match (event.kind(), event.name.as_str()) {
            (Kind::System, "connect") => connect::acceptance(head.headers(), body).await.map(|_| ()),
            (Kind::User, _) => answer::answer(head.headers(), body).map(|_| ()),
            _ => Ok(()),
        };
        return understood.err().map(|error| error.to_string());
    }
    let has_credentials = !matches!(handler.auth, HandlerAuth::None);
    Some(match status {
        StatusCode::NOT_FOUND => format!(
            "the application has no route for POST {}. If validation passed: the middleware serves another hub than `{}`, or does not know events of type {}",
            uri.path(),
            event.hub,
            event.event_type()
        ),
        StatusCode::UNAUTHORIZED if event.name == "connect" => {
            "the application refused the client, which may be what it does with a user that it does not know; otherwise it does not accept `ce-signature`: its access key must be this service's".to_owned()
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if has_credentials => {
            "the application, or what is in front of it, does not accept the token: check audience and scope".to_owned()
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "the application does not accept `ce-signature` (its access key must be this service's), or something in front of it wants credentials: set `code`, `bearer_token` or `client_credentials`".to_owned()
        }
        status if status.is_redirection() => {
            "redirects are not followed: write the final URL into `url_template` (often: https, or a slash at the end)".to_owned()
        }
        status if status.is_server_error() => "the application failed; its own log says why".to_owned(),
        status => format!("the application answers {status}; its own log may say why"),
    })
}
