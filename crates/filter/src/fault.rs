use crate::expression::Expression;
use crate::value::Type;

/// A part of a filter that a message points to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'e> {
    pub(crate) expression: &'e Expression,
    /// For a chain: how many of its links belong to the place, because `a and b and c` is `(a and b) and c`
    /// and a fault in the first `and` is shown without the second.
    pub(crate) links: usize,
}

impl<'e> Place<'e> {
    pub(crate) fn whole(expression: &'e Expression) -> Self {
        Self { expression, links: usize::MAX }
    }
}

/// A value had another type than its use needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mismatch {
    pub(crate) found: Type,
    pub(crate) expected: Type,
}

impl Mismatch {
    pub(crate) fn at(self, place: Place<'_>) -> Fault<'_> {
        Fault::Type { place, mismatch: self }
    }
}

/// Why an expression has no value. It borrows everything, so that a fault costs nothing where it only means
/// "no match".
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault<'e> {
    /// A value of the wrong type.
    Type { place: Place<'e>, mismatch: Mismatch },
    /// A function got a wrong number of arguments, or `length` something without a length.
    InvalidToken { call: &'e Expression },
    /// An unknown name or function, or a literal of an unsupported kind. The place is the nearest enclosing
    /// call, comparison, `in`, `and` or `or`; `None` until that is known, and at the end if there is none.
    NotSupported { token: &'e Expression, place: Option<Place<'e>> },
}

impl<'e> Fault<'e> {
    /// Fills in the place of a fault that has none yet.
    pub(crate) fn within(self, enclosing: Place<'e>) -> Self {
        match self {
            Self::NotSupported { token, place: None } => Self::NotSupported { token, place: Some(enclosing) },
            located => located,
        }
    }
}
