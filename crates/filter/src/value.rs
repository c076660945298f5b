use std::borrow::Cow;
use std::fmt;

use crate::fault::Mismatch;

/// The type of a value in a filter. Its `Display` is the name that error messages use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Type {
    /// The literal `null`, or the result of a function that was given a null.
    Null,
    /// `true` or `false`.
    Bool,
    /// A 32-bit signed integer.
    Int,
    /// Text. A field that holds text has this type even where the connection has no value for it.
    String,
    /// The groups of the connection.
    Collection,
}

impl fmt::Display for Type {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::String => "string",
            Self::Collection => "collection",
        })
    }
}

/// The result of evaluating an expression. Text is borrowed from the filter or the subject where nothing
/// changes it.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i32),
    /// `None` is the absent value of a text field. Its type is "string", unlike [`Value::Null`], and observed
    /// error messages depend on that: `userId lt 1` is refused because of a string, `length(userId) lt 1` is
    /// accepted.
    Text(Option<Cow<'a, str>>),
    /// The groups of the subject, the only collection there is. Its members are asked from the subject.
    Groups,
}

impl<'a> Value<'a> {
    pub(crate) fn borrowed(text: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }

    pub(crate) fn field(text: Option<&'a str>) -> Self {
        Self::Text(text.map(Cow::Borrowed))
    }

    /// A count as an int. No text or membership list comes near the bound, since both are limited far below
    /// it.
    pub(crate) fn count(count: usize) -> Self {
        Self::Int(i32::try_from(count).unwrap_or(i32::MAX))
    }

    pub(crate) fn type_of(&self) -> Type {
        match self {
            Self::Null => Type::Null,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Text(_) => Type::String,
            Self::Groups => Type::Collection,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null | Self::Text(None))
    }

    /// What `eq` and `in` mean by equal: same type and value, text compared exactly, any null equal to any
    /// null.
    pub(crate) fn equals(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (Self::Bool(left), Value::Bool(right)) => left == right,
            (Self::Int(left), Value::Int(right)) => left == right,
            (Self::Text(Some(left)), Value::Text(Some(right))) => left == right,
            (Self::Groups, Value::Groups) => true,
            _ => self.is_null() && other.is_null(),
        }
    }

    pub(crate) fn as_bool(&self) -> Result<bool, Mismatch> {
        match self {
            Self::Bool(value) => Ok(*value),
            _ => Err(self.mismatch(Type::Bool)),
        }
    }

    pub(crate) fn as_int(&self) -> Result<i32, Mismatch> {
        match self {
            Self::Int(value) => Ok(*value),
            _ => Err(self.mismatch(Type::Int)),
        }
    }

    /// The text; a null field is read as empty text, so callers look for nulls first.
    pub(crate) fn as_text(&self) -> Result<&str, Mismatch> {
        match self {
            Self::Text(text) => Ok(text.as_deref().unwrap_or_default()),
            _ => Err(self.mismatch(Type::String)),
        }
    }

    /// Like [`Value::as_text`], but keeps the borrow of the filter or the subject.
    pub(crate) fn into_text(self) -> Result<Cow<'a, str>, Mismatch> {
        match self {
            Self::Text(text) => Ok(text.unwrap_or_default()),
            _ => Err(self.mismatch(Type::String)),
        }
    }

    pub(crate) fn mismatch(&self, expected: Type) -> Mismatch {
        Mismatch { found: self.type_of(), expected }
    }
}
