use std::borrow::Cow;

use crate::entry::Entry;
use crate::error::Error;
use crate::parameters::Parameters;

/// What a viewer wants to see. Everything that is given must fit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interest {
    hub: Option<String>,
    group: Option<String>,
    user: Option<String>,
    connection: Option<String>,
    kinds: Vec<String>,
    warnings: bool,
    /// In lower case.
    text: Option<String>,
}

impl Interest {
    pub(crate) fn parse(parameters: &Parameters) -> Result<Self, Error> {
        let given = |name| parameters.get(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let kinds = given("kind").unwrap_or_default();
        let warnings = match given("level").as_deref() {
            None | Some("info") => false,
            Some("warning") => true,
            Some(_) => return Err(Error::invalid("level is info or warning")),
        };
        Ok(Self {
            hub: given("hub").map(|hub| hub.to_ascii_lowercase()),
            group: given("group"),
            user: given("user"),
            connection: given("connection"),
            kinds: kinds.split(',').filter(|kind| !kind.is_empty()).map(str::to_owned).collect(),
            warnings,
            text: given("text").map(|text| text.to_lowercase()),
        })
    }

    pub(crate) fn fits(&self, entry: &Entry) -> bool {
        let fact = &entry.fact;
        let is = |wanted: &Option<String>, found: Option<Cow<'_, str>>| {
            wanted.as_ref().is_none_or(|wanted| found.is_some_and(|found| found == *wanted))
        };
        is(&self.hub, fact.hub.as_ref().map(|hub| hub.as_str().into()))
            && is(&self.group, fact.group.as_ref().map(|group| group.as_str().into()))
            && is(&self.user, fact.user.as_ref().map(|user| user.as_str().into()))
            && is(&self.connection, fact.connection.map(|connection| connection.to_string().into()))
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == entry.kind()))
            && (!self.warnings || entry.is_warning())
            && self.text.as_ref().is_none_or(|text| contains(entry, text))
    }
}

fn contains(entry: &Entry, lower: &str) -> bool {
    entry.text().to_lowercase().contains(lower)
        || entry.message.as_ref().is_some_and(|message| message.contains(lower))
}
