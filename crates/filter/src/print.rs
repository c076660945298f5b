use std::fmt::{self, Display, Formatter, Write};

use crate::expression::{Expression, Link, Literal};
use crate::fault::Place;

/// Prints the way error messages of the service do: operators inside operators in parentheses, arguments
/// without. What is printed parses to the same tree, unless the added parentheses exceed the depth limit.
impl Display for Expression {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => literal.fmt(out),
            Self::Name { written, .. } => out.write_str(written),
            Self::Call { written, arguments, .. } => {
                out.write_str(written)?;
                list(out, arguments)
            }
            Self::Not(operand) => {
                out.write_str("not ")?;
                nested(out, operand)
            }
            Self::Chain { first, links } => chain(out, first, links),
        }
    }
}

impl Display for Place<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self.expression {
            Expression::Chain { first, links } => chain(out, first, &links[..links.len().min(self.links)]),
            whole => whole.fmt(out),
        }
    }
}

impl Display for Literal {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => out.write_str("null"),
            Self::Bool(value) => value.fmt(out),
            Self::Int(value) => value.fmt(out),
            Self::Text(text) => write!(out, "'{}'", text.replace('\'', "''")),
            Self::Unsupported(written) => out.write_str(written),
        }
    }
}

impl Display for Link {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binary(operator, operand) => {
                write!(out, " {} ", operator.name())?;
                nested(out, operand)
            }
            Self::InCollection(collection) => {
                out.write_str(" in ")?;
                collection.fmt(out)
            }
            Self::InList(items) => {
                out.write_str(" in ")?;
                list(out, items)
            }
        }
    }
}

/// `((a and b) and c) and d`: every link but the last closes a parenthesis that was opened at the front.
fn chain(out: &mut Formatter<'_>, first: &Expression, links: &[Link]) -> fmt::Result {
    let inner = links.len().saturating_sub(1);
    for _ in 0..inner {
        out.write_char('(')?;
    }
    nested(out, first)?;
    for (index, link) in links.iter().enumerate() {
        link.fmt(out)?;
        if index < inner {
            out.write_char(')')?;
        }
    }
    Ok(())
}

fn nested(out: &mut Formatter<'_>, expression: &Expression) -> fmt::Result {
    match expression {
        Expression::Not(_) | Expression::Chain { .. } => write!(out, "({expression})"),
        _ => expression.fmt(out),
    }
}

fn list(out: &mut Formatter<'_>, items: &[Expression]) -> fmt::Result {
    out.write_char('(')?;
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.write_char(',')?;
        }
        item.fmt(out)?;
    }
    out.write_char(')')
}
