use std::fmt;

/// The longest pattern, in UTF-16 code units, which is how the service counts characters.
pub const PATTERN_LENGTH_MAX: usize = 1024;

/// The most stars in the text of a pattern, each one of `**` and an escaped one counted.
pub const PATTERN_STARS_MAX: usize = 5;

/// The most wildcards of any kind in a pattern, `**` counted once.
pub const PATTERN_WILDCARDS_MAX: usize = 5;

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// No text at all.
    #[error("the pattern is empty")]
    Empty,
    /// Longer than [`PATTERN_LENGTH_MAX`].
    #[error("the pattern is longer than {PATTERN_LENGTH_MAX} characters")]
    TooLong,
    /// More than [`PATTERN_STARS_MAX`] stars, or more than [`PATTERN_WILDCARDS_MAX`] wildcards.
    #[error("the pattern has more than {PATTERN_WILDCARDS_MAX} wildcards")]
    TooComplex,
    /// A backslash at the end, or before anything but `*`, `?` and `\`.
    #[error("a backslash in the pattern escapes none of * ? \\")]
    Escape,
}

/// A rule about group names: `?` is one character except a dot, `*` any run without a dot, `**` (two or more) any run, and
/// `\` takes the meaning from `*`, `?` or `\`. It is case-sensitive and must match the whole name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    tokens: Box<[Token]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// This very text, never empty.
    Text(Box<str>),
    /// `?`
    One,
    /// `*`
    Run,
    /// `**`
    AnyRun,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`] with the first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.encode_utf16().count() > PATTERN_LENGTH_MAX {
            return Err(PatternError::TooLong);
        }
        if text.matches('*').count() > PATTERN_STARS_MAX {
            return Err(PatternError::TooComplex);
        }
        let tokens = tokens(text)?;
        let is_wildcard = |token: &&Token| !matches!(token, Token::Text(_));
        if tokens.iter().filter(is_wildcard).count() > PATTERN_WILDCARDS_MAX {
            return Err(PatternError::TooComplex);
        }
        Ok(Self { tokens: tokens.into() })
    }

    /// Whether the whole name fits.
    ///
    /// Works token by token on the set of places that can be reached so far, so its time grows with the length of the name
    /// times the number of tokens (at most eleven), whatever the pattern.
    pub fn matches(&self, name: &str) -> bool {
        // Nearly every name that does not fit is told by the text that the pattern begins with, without the set of places.
        let (name, tokens) = match &*self.tokens {
            [Token::Text(text), tokens @ ..] => match name.strip_prefix(&**text) {
                Some(name) => (name, tokens),
                None => return false,
            },
            tokens => (name, tokens),
        };
        match tokens {
            [] => name.is_empty(),
            [Token::Run] => !name.contains('.'),
            [Token::AnyRun] => true,
            tokens => matches_tokens(tokens, name),
        }
    }

    /// The only name that fits, if there is no wildcard.
    pub fn literal(&self) -> Option<&str> {
        match &*self.tokens {
            [Token::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether every name fits, because the pattern is `**` and nothing else.
    pub fn is_everything(&self) -> bool {
        matches!(*self.tokens, [Token::AnyRun])
    }
}

impl fmt::Display for Pattern {
    /// A text that reads back as the same pattern.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for token in &self.tokens {
            match token {
                Token::One => f.write_str("?")?,
                Token::Run => f.write_str("*")?,
                Token::AnyRun => f.write_str("**")?,
                Token::Text(text) => {
                    for character in text.chars() {
                        if matches!(character, '*' | '?' | '\\') {
                            f.write_str("\\")?;
                        }
                        write!(f, "{character}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, PatternError> {
    let mut tokens = Vec::new();
    let mut literal = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let wildcard = match character {
            '\\' => {
                let escaped = characters.next().filter(|next| matches!(next, '*' | '?' | '\\'));
                literal.push(escaped.ok_or(PatternError::Escape)?);
                continue;
            }
            '?' => Token::One,
            '*' if characters.next_if_eq(&'*').is_some() => {
                while characters.next_if_eq(&'*').is_some() {}
                Token::AnyRun
            }
            '*' => Token::Run,
            character => {
                literal.push(character);
                continue;
            }
        };
        push_text(&mut tokens, &mut literal);
        tokens.push(wildcard);
    }
    push_text(&mut tokens, &mut literal);
    Ok(tokens)
}

fn push_text(tokens: &mut Vec<Token>, literal: &mut String) {
    if !literal.is_empty() {
        tokens.push(Token::Text(std::mem::take(literal).into()));
    }
}

/// `reached[at]` says that the tokens so far can match exactly the first `at` bytes.
fn matches_tokens(tokens: &[Token], name: &str) -> bool {
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for token in tokens {
        match token {
            Token::Text(text) => {
                step(&mut reached, name, |rest| rest.starts_with(&**text).then_some(text.len()))
            }
            Token::One => step(&mut reached, name, |rest| {
                rest.chars().next().filter(|next| *next != '.').map(char::len_utf8)
            }),
            Token::Run => spread(&mut reached, name, |next| next != '.'),
            Token::AnyRun => spread(&mut reached, name, |_| true),
        }
    }
    reached[name.len()]
}

/// Moves every place on by what a token of fixed length takes there, and drops those where it does not fit.
fn step(reached: &mut [bool], name: &str, taken: impl Fn(&str) -> Option<usize>) {
    // From the back, so that a place that was moved is not moved again.
    for at in (0..=name.len()).rev() {
        if std::mem::take(&mut reached[at])
            && let Some(length) = name.get(at..).and_then(&taken)
        {
            reached[at + length] = true;
        }
    }
}

/// Adds every place that a run of fitting characters leads to.
fn spread(reached: &mut [bool], name: &str, fits: impl Fn(char) -> bool) {
    for (at, next) in name.char_indices() {
        if reached[at] && fits(next) {
            reached[at + next.len_utf8()] = true;
        }
    }
}
