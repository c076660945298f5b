use crate::filter::{EXPRESSION_DEPTH_MAX, FILTER_BYTES_MAX};
use crate::value::Type;

/// Why a text is no valid filter.
///
/// `Display` is the message to answer with, status 400 and code `Error.BadRequest`. It has the service's form
/// always, and its exact words for wrong types, unsupported tokens and invalid calls; the words about broken
/// syntax and limits are our own. It names the smallest part of the filter that is wrong where that is known,
/// else the whole text. Positions count characters from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is longer than [`FILTER_BYTES_MAX`].
    #[error(
        "Invalid syntax for '{start}…': The filter has {bytes} bytes, at most {FILTER_BYTES_MAX} are allowed. \
         (Parameter 'filter')"
    )]
    TooLong {
        /// The first characters of the text.
        start: String,
        /// The length of the text.
        bytes: usize,
    },
    /// Parentheses, calls, lists or `not` are nested deeper than [`EXPRESSION_DEPTH_MAX`].
    #[error(
        "Invalid syntax for '{filter}': Recursion depth exceeded allowed limit of {EXPRESSION_DEPTH_MAX}. \
         (Parameter 'filter')"
    )]
    TooDeep {
        /// The whole text.
        filter: String,
    },
    /// A quote is opened and never closed.
    #[error(
        "Invalid syntax for '{filter}': There is an unterminated string literal at position {position} in \
         '{filter}'. (Parameter 'filter')"
    )]
    UnterminatedText {
        /// The whole text.
        filter: String,
        /// Where the quote is opened.
        position: usize,
    },
    /// A character that begins nothing in the language, such as the `/` of a path.
    #[error(
        "Invalid syntax for '{filter}': Syntax error: character '{character}' is not valid at position {position} in \
         '{filter}'. (Parameter 'filter')"
    )]
    InvalidCharacter {
        /// The whole text.
        filter: String,
        /// The character.
        character: char,
        /// Where it is.
        position: usize,
    },
    /// An operator has nothing on one side, or parentheses or a list hold nothing.
    #[error(
        "Invalid syntax for '{filter}': Expression expected at position {position} in '{filter}'. (Parameter 'filter')"
    )]
    ExpressionExpected {
        /// The whole text.
        filter: String,
        /// Where it is missing.
        position: usize,
    },
    /// A parenthesis is not closed.
    #[error(
        "Invalid syntax for '{filter}': ')' or ',' expected at position {position} in '{filter}'. (Parameter 'filter')"
    )]
    CloseExpected {
        /// The whole text.
        filter: String,
        /// Where it is missing.
        position: usize,
    },
    /// The expression is complete, but the text goes on with something that is no word.
    #[error(
        "Invalid syntax for '{filter}': Syntax error at position {position} in '{filter}'. (Parameter 'filter')"
    )]
    OperatorExpected {
        /// The whole text.
        filter: String,
        /// Where the surplus begins.
        position: usize,
    },
    /// An unknown name, operator or function, or a literal that is not text, a 32-bit integer, `true`,
    /// `false` or `null`.
    #[error("Invalid syntax for '{expression}': Token '{token}' is not supported. (Parameter 'filter')")]
    NotSupported {
        /// The call or comparison around it, or the whole text.
        expression: String,
        /// What is not supported.
        token: String,
    },
    /// A function got a wrong number of arguments, or `length` something without a length.
    #[error("Invalid syntax for '{token}': Invalid token '{token}'. (Parameter 'filter')")]
    InvalidToken {
        /// The call.
        token: String,
    },
    /// A value has another type than its place needs; also when the whole filter is not bool.
    #[error("Invalid syntax for '{expression}': Type '{found}', expect '{expected}'. (Parameter 'filter')")]
    Type {
        /// The operator or call that needs the type.
        expression: String,
        /// The type it got.
        found: Type,
        /// The type it needs.
        expected: Type,
    },
}
