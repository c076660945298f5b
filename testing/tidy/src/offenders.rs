use std::fmt::Display;

/// What breaks one rule, and where.
#[derive(Debug)]
pub struct Offenders {
    rule: &'static str,
    places: Vec<String>,
}

impl Offenders {
    /// Nothing yet breaks the rule. The rule is a sentence that says what to do.
    pub fn of(rule: &'static str) -> Self {
        Self { rule, places: Vec::new() }
    }

    /// Notes a place that breaks the rule.
    pub fn add(&mut self, place: impl Display) {
        self.places.push(place.to_string());
    }

    /// Ends the check.
    ///
    /// # Panics
    /// If anything breaks the rule; the message lists it all.
    pub fn assert_none(self) {
        let Self { rule, places } = self;
        assert!(places.is_empty(), "\n{rule}\n{} break this:\n  {}\n", places.len(), places.join("\n  "));
    }
}
