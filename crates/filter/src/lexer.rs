use crate::error::Error;

/// The smallest pieces of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token<'t> {
    /// A name, keyword or operator. It may hold dots, which no known name does.
    Word(&'t str),
    /// The content of a quoted text, with doubled quotes made single.
    Text(String),
    Int(i32),
    /// What begins like a number and is no 32-bit integer: larger ones, fractions, dates, guids.
    Number(&'t str),
    Open,
    Close,
    Comma,
    End,
}

/// Cuts a filter into tokens.
pub(crate) struct Lexer<'t> {
    text: &'t str,
    /// Bytes read so far, always at the start of a character.
    offset: usize,
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, offset: 0 }
    }

    pub(crate) fn text(&self) -> &'t str {
        self.text
    }

    /// The next token and the byte offset where it begins.
    pub(crate) fn next(&mut self) -> Result<(Token<'t>, usize), Error> {
        let rest = self.text[self.offset..].trim_start();
        self.offset = self.text.len() - rest.len();
        let start = self.offset;
        let Some(character) = rest.chars().next() else {
            return Ok((Token::End, start));
        };
        let token = match character {
            '(' => self.punctuation(Token::Open),
            ')' => self.punctuation(Token::Close),
            ',' => self.punctuation(Token::Comma),
            '\'' => self.quoted()?,
            '_' => self.word(),
            _ if character.is_alphabetic() => self.word(),
            _ if begins_number(rest) => self.number(),
            _ => return Err(self.invalid(character)),
        };
        Ok((token, start))
    }

    /// The character position of a byte offset.
    pub(crate) fn position(&self, offset: usize) -> usize {
        self.text[..offset].chars().count()
    }

    fn punctuation(&mut self, token: Token<'t>) -> Token<'t> {
        self.offset += 1;
        token
    }

    fn word(&mut self) -> Token<'t> {
        Token::Word(self.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.')))
    }

    /// Takes more than digits, so that a date or guid is refused as one token and not as several.
    fn number(&mut self) -> Token<'t> {
        let written = self.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '-' | '+'));
        written.parse().map_or(Token::Number(written), Token::Int)
    }

    fn quoted(&mut self) -> Result<Token<'t>, Error> {
        let opening = self.offset;
        let mut content = String::new();
        loop {
            self.offset += 1;
            content.push_str(self.take_while(|c| c != '\''));
            if self.offset == self.text.len() {
                let position = self.position(opening);
                return Err(Error::UnterminatedText { filter: self.text.to_owned(), position });
            }
            self.offset += 1;
            if !self.text[self.offset..].starts_with('\'') {
                return Ok(Token::Text(content));
            }
            content.push('\'');
        }
    }

    fn take_while(&mut self, accepts: impl Fn(char) -> bool) -> &'t str {
        let rest = &self.text[self.offset..];
        let length = rest.find(|c| !accepts(c)).unwrap_or(rest.len());
        self.offset += length;
        &rest[..length]
    }

    fn invalid(&self, character: char) -> Error {
        let position = self.position(self.offset);
        Error::InvalidCharacter { filter: self.text.to_owned(), character, position }
    }
}

fn begins_number(text: &str) -> bool {
    text.strip_prefix(['+', '-']).unwrap_or(text).starts_with(|c: char| c.is_ascii_digit())
}
