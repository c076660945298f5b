use std::fmt;

use crate::check::check;
use crate::error::Error;
use crate::evaluate::Evaluation;
use crate::expression::Expression;
use crate::parser::Parser;
use crate::subject::Subject;

/// The longest filter text in bytes. It travels in a URL, which peers commonly limit to 8 KiB; it also bounds
/// the work of one evaluation, which visits at most one part per two bytes.
pub const FILTER_BYTES_MAX: usize = 8 * 1024;

/// How deep parentheses, calls, lists and `not` may be nested. The service stops at a depth of 100; every
/// level costs a handful of stack frames, so 100 levels stay far below the smallest thread stack.
pub const EXPRESSION_DEPTH_MAX: usize = 100;

/// How much of a text that is too long its error repeats, in characters.
const EXCERPT_CHARS_MAX: usize = 64;

/// A compiled filter: which connections are meant.
///
/// Compile once per request and share it. Two filters are equal if they have the same parsed expression,
/// whatever their spaces and redundant parentheses. `Display` prints that expression; [`Filter::source`] is
/// the text as it came.
#[derive(Debug, Clone)]
pub struct Filter {
    source: Box<str>,
    expression: Expression,
}

impl Filter {
    /// Compiles a filter and checks it by evaluating it once for an anonymous connection with an empty id,
    /// without groups and without a subprotocol, as the service does. The result must be bool.
    ///
    /// An empty text is an error here: "no filter" is the caller's to express.
    ///
    /// # Errors
    /// Every [`Error`]; its text is the message to answer with.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > FILTER_BYTES_MAX {
            return Err(Error::TooLong {
                start: text.chars().take(EXCERPT_CHARS_MAX).collect(),
                bytes: text.len(),
            });
        }
        let expression = Parser::new(text)?.parse()?;
        check(&expression, text)?;
        Ok(Self { source: text.into(), expression })
    }

    /// Whether the connection is meant. Cannot fail, and allocates only where `tolower`, `toupper` or
    /// `concat` make new text, and where `trim` or `substring` cut such new text.
    ///
    /// A connection for which the filter has no value does not match, `not` around the failing part included.
    /// That happens where the check, which sees no user, no subprotocol and no text ranges, could not see a
    /// wrong type:
    /// - `contains(userId,1)`, `tolower(length(userId))` or `tolower(userId) gt 1`: null passes, a real user
    ///   id meets an int;
    /// - `substring(userId,length(protocol))` and the like are refused by the check already, but
    ///   `substring(userId,length(substring(connectionId,9)))` is refused only by ids shorter than 9.
    ///
    /// A `substring` out of range is null, which `eq`, `ne`, `in` and ordering all accept, so it alone never
    /// fails. The operands of `and`, `or` and `not` are bool for every connection if they are for one, so
    /// they never fail either.
    pub fn matches(&self, subject: &impl Subject) -> bool {
        Evaluation::of(subject).verdict(&self.expression).unwrap_or(false)
    }

    pub(crate) fn expression(&self) -> &Expression {
        &self.expression
    }

    /// The text that was parsed.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.expression == other.expression
    }
}

impl Eq for Filter {}

impl fmt::Display for Filter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt(out)
    }
}
