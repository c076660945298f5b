/// A parsed filter, or a part of one.
///
/// Names that the language does not know stay in the tree with `None`, because messages about them show the
/// expression around them; a filter that holds one never passes its check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expression {
    Literal(Literal),
    Name {
        written: Box<str>,
        field: Option<Field>,
    },
    Call {
        written: Box<str>,
        function: Option<Function>,
        arguments: Vec<Expression>,
    },
    Not(Box<Expression>),
    /// Operators that group to the left. `first` is never a chain itself: `(a eq b) and c` is one chain of
    /// two links. So a long filter is a long list, not a deep tree, and no walk over it can exhaust the
    /// stack.
    Chain {
        first: Box<Expression>,
        links: Vec<Link>,
    },
}

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Int(i32),
    Text(Box<str>),
    /// A number or date that OData knows and filters do not, as it was written.
    Unsupported(Box<str>),
}

/// One operator with its right side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Link {
    Binary(Operator, Expression),
    InCollection(Expression),
    InList(Vec<Expression>),
}

/// What a filter can ask about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    UserId,
    ConnectionId,
    Groups,
    Protocol,
}

impl Field {
    /// Field names are case-insensitive.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [
            ("userId", Self::UserId),
            ("connectionId", Self::ConnectionId),
            ("groups", Self::Groups),
            ("protocol", Self::Protocol),
        ]
        .into_iter()
        .find_map(|(known, field)| known.eq_ignore_ascii_case(name).then_some(field))
    }
}

/// The operators between two values, without `in`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Operator {
    const ALL: [Self; 8] = [
        Self::Or,
        Self::And,
        Self::Equal,
        Self::NotEqual,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Less,
        Self::LessOrEqual,
    ];

    /// Operators are lower case only.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Equal => "eq",
            Self::NotEqual => "ne",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "ge",
            Self::Less => "lt",
            Self::LessOrEqual => "le",
        }
    }
}

/// The functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Length,
    ToLower,
    ToUpper,
    Trim,
    Contains,
    StartsWith,
    EndsWith,
    IndexOf,
    Concat,
    Substring,
}

impl Function {
    /// Function names are lower case only.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "length" => Self::Length,
            "tolower" => Self::ToLower,
            "toupper" => Self::ToUpper,
            "trim" => Self::Trim,
            "contains" => Self::Contains,
            "startswith" => Self::StartsWith,
            "endswith" => Self::EndsWith,
            "indexof" => Self::IndexOf,
            "concat" => Self::Concat,
            "substring" => Self::Substring,
            _ => return None,
        })
    }
}

impl Expression {
    /// This expression as the left side of one more operator.
    pub(crate) fn linked(self, link: Link) -> Self {
        match self {
            Self::Chain { first, mut links } => {
                links.push(link);
                Self::Chain { first, links }
            }
            first => Self::Chain { first: Box::new(first), links: vec![link] },
        }
    }
}
