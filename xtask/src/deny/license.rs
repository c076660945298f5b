/// Checks that a licence expression (SPDX: `AND`, `OR`, `WITH`, parentheses, and the older `/` for `OR`) can be met with what is allowed.
pub(super) fn check(expression: Option<&str>, allowed: &[String]) -> Result<(), String> {
    let Some(expression) = expression else {
        return Err("it names no licence".to_owned());
    };
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut terms = Terms { words: &words, allowed };
    match terms.any() {
        Some(true) if terms.words.is_empty() => Ok(()),
        Some(false) if terms.words.is_empty() => Err(format!("licence `{expression}` is not allowed")),
        _ => Err(format!("licence `{expression}` cannot be read")),
    }
}

/// What is left of an expression. Each function reads one rule of the grammar, and says whether it can be met; `None` is a fault.
struct Terms<'a> {
    words: &'a [&'a str],
    allowed: &'a [String],
}

impl Terms<'_> {
    fn any(&mut self) -> Option<bool> {
        let mut met = self.all()?;
        while self.takes("OR") {
            met |= self.all()?;
        }
        Some(met)
    }

    fn all(&mut self) -> Option<bool> {
        let mut met = self.one()?;
        while self.takes("AND") {
            met &= self.one()?;
        }
        Some(met)
    }

    fn one(&mut self) -> Option<bool> {
        if self.takes("(") {
            let met = self.any()?;
            return self.takes(")").then_some(met);
        }
        let mut name = self.word().filter(|word| !["AND", "OR", "WITH", ")"].contains(word))?.to_owned();
        if self.takes("WITH") {
            name = format!("{name} WITH {}", self.word()?);
        }
        Some(self.allowed.contains(&name))
    }

    fn takes(&mut self, word: &str) -> bool {
        let takes = self.words.first() == Some(&word);
        if takes {
            self.words = &self.words[1..];
        }
        takes
    }

    fn word(&mut self) -> Option<&str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    fn passes(expression: &str) -> bool {
        check(Some(expression), &["MIT".to_owned(), "ISC".to_owned()]).is_ok()
    }

    #[test]
    fn one_of_several_licences_is_enough_where_one_may_be_chosen() {
        assert!(passes("MIT"));
        assert!(passes("GPL-3.0 OR MIT"));
        assert!(passes("GPL-3.0/MIT"));
        assert!(!passes("GPL-3.0"));
        assert!(!passes("MIT WITH some-exception"));
    }

    #[test]
    fn all_of_several_licences_must_be_allowed_where_all_apply() {
        assert!(passes("MIT AND ISC"));
        assert!(!passes("MIT AND GPL-3.0"));
        assert!(passes("MIT AND (GPL-3.0 OR ISC)"));
        assert!(passes("GPL-3.0 AND GPL-2.0 OR MIT"));
        assert!(!passes("(GPL-3.0 OR MIT) AND GPL-2.0"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for expression in ["", "MIT AND", "(MIT", "MIT)", "MIT ISC", "OR MIT", "MIT WITH"] {
            assert!(!passes(expression), "`{expression}` passed");
        }
    }
}
