use std::sync::Arc;

use http::{HeaderName, HeaderValue, Uri, header};
use hubwire_upstream::{EventHubsTarget, HttpTarget, Listener, NatsAuth, NatsTarget, Target, UrlTemplate};
use toml::Spanned;

use super::error::ConfigError;
use super::file::{EventHubsTable, File, HttpTable, ListenerTable, NatsTable};
use super::handlers::{group_events, headers, unknown_event, user_events};
use super::secrets::secret;

/// Where events go in NATS if nobody says.
const SUBJECT_DEFAULT: &str = "hubwire.events.{hub}.{event}";

/// Tables `[[hubs.NAME.event_listeners]]`, checked.
pub(super) fn listeners(
    file: &File,
    hub: &str,
    tables: &[Spanned<ListenerTable>],
) -> Result<Vec<Arc<Listener>>, ConfigError> {
    let mut listeners: Vec<Arc<Listener>> = Vec::with_capacity(tables.len());
    for table in tables {
        let listener = listener(file, hub, table)?;
        if listeners.iter().any(|known| known.name == listener.name) {
            let name = file.given(&format!("hubs.{hub}.event_listeners.name"), &table.get_ref().name);
            return Err(name.error("another listener of the hub has this name"));
        }
        listeners.push(Arc::new(listener));
    }
    Ok(listeners)
}

fn listener(file: &File, hub: &str, spanned: &Spanned<ListenerTable>) -> Result<Listener, ConfigError> {
    let table = spanned.get_ref();
    let setting = |name: &str| format!("hubs.{hub}.event_listeners.{name}");
    let name = file.given(&setting("name"), &table.name);
    if name.value.is_empty() {
        return Err(name.error("the name is empty"));
    }
    let mut listener = Listener {
        destination: Listener::destination(hub, &name.value),
        name: name.value,
        user_events: user_events(file, &setting("user_event_pattern"), table.user_event_pattern.as_ref())?,
        connected: false,
        disconnected: false,
        group_events: group_events(file, &setting, (&table.presence_events, &table.presence_groups))?,
        target: target(file, &setting, spanned)?,
    };
    for event in &table.system_events {
        let given = file.given(&setting("system_events"), event);
        match given.value.to_ascii_lowercase().as_str() {
            "connected" => listener.connected = true,
            "disconnected" => listener.disconnected = true,
            _ => {
                return Err(unknown_event(
                    &given,
                    "connected and disconnected: listeners do not decide who connects",
                ));
            }
        }
    }
    Ok(listener)
}

fn target(
    file: &File,
    setting: &impl Fn(&str) -> String,
    spanned: &Spanned<ListenerTable>,
) -> Result<Box<dyn Target>, ConfigError> {
    let table = spanned.get_ref();
    match (&table.nats, &table.http, &table.event_hubs) {
        (Some(table), None, None) => Ok(Box::new(nats(file, setting, table)?)),
        (None, Some(table), None) => Ok(Box::new(http(file, setting, table)?)),
        (None, None, Some(table)) => Ok(Box::new(event_hubs(file, setting, table)?)),
        _ => Err(ConfigError {
            source: file.source_at(spanned.span().start),
            setting: setting("name"),
            problem: "a listener has exactly one of `nats`, `http` and `event_hubs`".to_owned(),
        }),
    }
}

fn nats(
    file: &File,
    setting: &impl Fn(&str) -> String,
    table: &NatsTable,
) -> Result<NatsTarget, ConfigError> {
    let mut servers = Vec::with_capacity(table.servers.len());
    for server in &table.servers {
        let given = file.given(&setting("nats.servers"), server);
        let known = ["nats://", "tls://"].iter().any(|scheme| given.value.starts_with(scheme));
        if !known || given.value.contains('@') {
            return Err(given.error("a server is nats://host:port or tls://host:port; what lets the service in stands in `credentials`, `user` and `password`, or `token`"));
        }
        servers.push(given.value);
    }
    let subject = match &table.subject {
        None => SUBJECT_DEFAULT.to_owned(),
        Some(subject) => {
            let given = file.given(&setting("nats.subject"), subject);
            let tokens = given.value.split('.');
            let valid = |token: &str| {
                !token.is_empty() && !token.contains(|c: char| c.is_whitespace() || "*>".contains(c))
            };
            if !tokens.into_iter().all(valid) {
                return Err(given.error(format!(
                    "`{}` is no subject to publish to, such as {SUBJECT_DEFAULT}",
                    given.value
                )));
            }
            given.value
        }
    };
    let read = |name: &str, value| secret(file, &setting(name), value);
    let auth = match (&table.credentials, &table.user, &table.password, &table.token) {
        (Some(credentials), None, None, None) => {
            NatsAuth::Credentials(read("nats.credentials", credentials)?)
        }
        (None, Some(user), Some(password), None) => {
            NatsAuth::Password(user.clone(), read("nats.password", password)?)
        }
        (None, None, None, Some(token)) => NatsAuth::Token(read("nats.token", token)?),
        (None, None, None, None) => NatsAuth::None,
        _ => {
            return Err(ConfigError {
                source: file.source_at(table.servers.first().map_or(0, |server| server.span().start)),
                setting: setting("nats"),
                problem: "one of `credentials`, `user` with `password`, and `token` lets the service in"
                    .to_owned(),
            });
        }
    };
    Ok(NatsTarget::new(servers, subject, auth))
}

fn http(
    file: &File,
    setting: &impl Fn(&str) -> String,
    table: &HttpTable,
) -> Result<HttpTarget, ConfigError> {
    let url = file.given(&setting("http.url"), &table.url).try_map(|text| {
        UrlTemplate::parse(text).map_err(|error| error.to_string())?;
        text.parse::<Uri>().map_err(|_| format!("`{text}` is no URL; a listener's has no parameters"))
    })?;
    let mut sent: Vec<(HeaderName, HeaderValue)> = headers(file, &setting("http.headers"), &table.headers)?;
    if let Some(token) = &table.bearer_token {
        let token = secret(file, &setting("http.bearer_token"), token)?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
            .map_err(|_| url.error("the bearer_token has a character that no header can have"))?;
        bearer.set_sensitive(true);
        sent.push((header::AUTHORIZATION, bearer));
    }
    Ok(HttpTarget { url: url.value, headers: sent })
}

fn event_hubs(
    file: &File,
    setting: &impl Fn(&str) -> String,
    table: &EventHubsTable,
) -> Result<EventHubsTarget, ConfigError> {
    let connection_string = secret(file, &setting("event_hubs.connection_string"), &table.connection_string)?;
    Ok(EventHubsTarget::new(connection_string, table.event_hub.clone()))
}
