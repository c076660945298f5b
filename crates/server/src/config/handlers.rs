use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Uri};
use hubwire_auth::Pattern;
use hubwire_hub::GroupEvents;
use hubwire_upstream::{
    ClientCredentials, EventPattern, Handler, HandlerAuth, SystemEvents, TokenSource, UrlTemplate,
};
use tokio::sync::Semaphore;
use toml::Spanned;

use super::error::ConfigError;
use super::file::{CredentialsTable, File, HandlerTable, SecretTable};
use super::limits::LimitValues;
use super::secrets::secret;
use super::source::Given;

/// Headers that the service writes itself.
const RESERVED_HEADERS: [&str; 8] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "transfer-encoding",
    "webhook-request-origin",
];

/// The bounds of single hosts, which handlers of all hubs share.
pub(super) struct Hosts {
    calls: HashMap<String, Arc<Semaphore>>,
    calls_max: usize,
}

impl Hosts {
    pub(super) fn new(limits: &LimitValues) -> Self {
        let calls_max = usize::try_from(limits.upstream_calls_per_host_max).unwrap_or(usize::MAX);
        Self { calls: HashMap::new(), calls_max: calls_max.min(Semaphore::MAX_PERMITS) }
    }

    fn calls(&mut self, authority: &str) -> Arc<Semaphore> {
        let calls_max = self.calls_max;
        self.calls.entry(authority.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(calls_max))).clone()
    }
}

/// A table `[[hubs.NAME.event_handlers]]`, checked.
pub(super) fn handler(
    file: &File,
    hub: &str,
    table: &HandlerTable,
    hosts: &mut Hosts,
) -> Result<Handler, ConfigError> {
    let setting = |name: &str| format!("hubs.{hub}.event_handlers.{name}");
    let template = file.given(&setting("url_template"), &table.url_template);
    let mut template =
        template.try_map(|text| UrlTemplate::parse(text).map_err(|error| error.to_string()))?.value;
    if let Some(code) = &table.code {
        template = template.with_code(secret(file, &setting("code"), code)?.expose());
    }
    Ok(Handler {
        host_calls: hosts.calls(template.authority()),
        destination: template.shown().into(),
        template,
        user_events: user_events(file, &setting("user_event_pattern"), table.user_event_pattern.as_ref())?,
        system_events: system_events(file, &setting("system_events"), table)?,
        group_events: group_events(file, &setting, (&table.presence_events, &table.presence_groups))?,
        auth: auth(file, &setting, table)?,
        headers: headers(file, &setting("headers"), &table.headers)?,
        validate: table.validate,
    })
}

pub(super) fn user_events(
    file: &File,
    setting: &str,
    pattern: Option<&Spanned<String>>,
) -> Result<EventPattern, ConfigError> {
    let Some(pattern) = pattern else {
        return Ok(EventPattern::default());
    };
    let parse = |text: &String| {
        EventPattern::parse(text).map_err(|(item, error)| format!("`{item}` is no pattern: {error}"))
    };
    Ok(file.given(setting, pattern).try_map(parse)?.value)
}

fn system_events(file: &File, setting: &str, table: &HandlerTable) -> Result<SystemEvents, ConfigError> {
    let mut events = SystemEvents::default();
    for name in &table.system_events {
        let given = file.given(setting, name);
        match given.value.to_ascii_lowercase().as_str() {
            "connect" => events.connect = true,
            "connected" => events.connected = true,
            "disconnected" => events.disconnected = true,
            _ => return Err(unknown_event(&given, "connect, connected and disconnected")),
        }
    }
    Ok(events)
}

pub(super) fn group_events(
    file: &File,
    setting: &impl Fn(&str) -> String,
    (names, groups): (&[Spanned<String>], &[Spanned<String>]),
) -> Result<GroupEvents, ConfigError> {
    let mut events = GroupEvents::default();
    for name in names {
        let given = file.given(&setting("presence_events"), name);
        match given.value.to_ascii_lowercase().as_str() {
            "joined" => events.joined = true,
            "left" => events.left = true,
            _ => return Err(unknown_event(&given, "joined and left")),
        }
    }
    for pattern in groups {
        let given = file.given(&setting("presence_groups"), pattern);
        let pattern =
            given.try_map(|text| Pattern::parse(text).map_err(|error| format!("`{text}`: {error}")))?;
        events.groups.push(pattern.value);
    }
    Ok(events)
}

pub(super) fn unknown_event(given: &Given<String>, known: &str) -> ConfigError {
    given.error(format!("`{}` is no such event; there are {known}", given.value))
}

fn auth(
    file: &File,
    setting: &impl Fn(&str) -> String,
    table: &HandlerTable,
) -> Result<HandlerAuth, ConfigError> {
    match (&table.bearer_token, &table.client_credentials) {
        (None, None) => Ok(HandlerAuth::None),
        (Some(token), None) => {
            let token = secret(file, &setting("bearer_token"), token)?;
            Ok(HandlerAuth::Bearer(token))
        }
        (None, Some(credentials)) => {
            let credentials = client_credentials(file, &setting("client_credentials"), credentials)?;
            Ok(HandlerAuth::ClientCredentials(Arc::new(credentials)))
        }
        (Some(_), Some(credentials)) => Err(ConfigError {
            source: file.source_at(credentials.span().start),
            setting: setting("client_credentials"),
            problem: "a handler has either this or a `bearer_token`".to_owned(),
        }),
    }
}

fn client_credentials(
    file: &File,
    setting: &str,
    given: &Spanned<CredentialsTable>,
) -> Result<ClientCredentials, ConfigError> {
    let wrong = |problem: String| ConfigError {
        source: file.source_at(given.span().start),
        setting: setting.to_owned(),
        problem,
    };
    let url = |text: &String| {
        let parsed = text.parse::<Uri>().ok().filter(|uri| uri.host().is_some());
        let known = parsed.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
        known.ok_or_else(|| wrong(format!("`{text}` is not a URL, such as https://issuer.example.com")))
    };
    let table = given.get_ref();
    let source = match (&table.issuer, &table.token_url) {
        (Some(issuer), None) => TokenSource::Issuer(url(issuer)?),
        (None, Some(token_url)) => TokenSource::TokenUrl(url(token_url)?),
        _ => {
            return Err(wrong(
                "exactly one of `issuer` and `token_url` says where tokens come from".to_owned(),
            ));
        }
    };
    let client_secret = secret(file, &format!("{setting}.client_secret"), &table.client_secret)?;
    let client = (table.client_id.clone(), client_secret);
    Ok(ClientCredentials::new(source, client, table.scope.clone(), table.audience.clone()))
}

pub(super) fn headers(
    file: &File,
    setting: &str,
    table: &BTreeMap<Spanned<String>, Spanned<SecretTable>>,
) -> Result<Vec<(HeaderName, HeaderValue)>, ConfigError> {
    let mut headers = Vec::with_capacity(table.len());
    for (name, value) in table {
        let given = file.given(setting, name);
        let name = given.try_map(|name| {
            let parsed = HeaderName::from_bytes(name.as_bytes()).ok();
            let free = parsed.filter(|name| {
                !RESERVED_HEADERS.contains(&name.as_str()) && !name.as_str().starts_with("ce-")
            });
            free.ok_or_else(|| format!("`{name}` is no header name, or one that the service writes itself"))
        })?;
        let value = secret(file, &format!("{setting}.{}", name.value), value)?;
        let mut value = HeaderValue::from_str(value.expose())
            .map_err(|_| given.error("the value has a character that no header can have"))?;
        value.set_sensitive(true);
        headers.push((name.value, value));
    }
    Ok(headers)
}
