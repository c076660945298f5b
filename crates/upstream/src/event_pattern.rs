use hubwire_auth::{Pattern, PatternError};

/// Which user events somebody takes: a comma-separated list of names, `*`, or names with wildcards, compared ignoring case and the white
/// space around them. Nothing takes no event.
///
/// An item `*` takes everything, names with dots too. In other items `?` and `*` stop at dots, `**` does not, and `\` takes the meaning from
/// all three.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventPattern {
    everything: bool,
    patterns: Vec<Pattern>,
}

impl EventPattern {
    /// Reads a list.
    ///
    /// # Errors
    /// The item that is no pattern, and why.
    pub fn parse(text: &str) -> Result<Self, (String, PatternError)> {
        let mut pattern = Self::default();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            if item == "*" {
                pattern.everything = true;
                continue;
            }
            let parsed = Pattern::parse(&item.to_lowercase());
            pattern.patterns.push(parsed.map_err(|error| (item.to_owned(), error))?);
        }
        Ok(pattern)
    }

    /// Whether an event is taken.
    pub fn matches(&self, event: &str) -> bool {
        // Event names are ASCII.
        self.everything || {
            let event = event.to_ascii_lowercase();
            self.patterns.iter().any(|pattern| pattern.matches(&event))
        }
    }
}
