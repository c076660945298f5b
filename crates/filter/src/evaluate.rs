use crate::expression::{Expression, Field, Link, Literal, Operator};
use crate::fault::{Fault, Place};
use crate::subject::Subject;
use crate::value::{Type, Value};

/// One evaluation of a filter for one subject.
///
/// The same code checks a filter and applies it, so that the two cannot disagree about a type.
pub(crate) struct Evaluation<'a, S> {
    subject: &'a S,
    /// The service does not judge the ranges of `substring` while it checks a filter, since the sample's
    /// texts are empty.
    pub(crate) ranges_judged: bool,
}

impl<'a, S: Subject> Evaluation<'a, S> {
    pub(crate) fn of(subject: &'a S) -> Self {
        Self { subject, ranges_judged: true }
    }

    /// An evaluation that only looks for wrong types.
    pub(crate) fn trial(subject: &'a S) -> Self {
        Self { subject, ranges_judged: false }
    }

    /// The value of a whole filter, which must be bool.
    pub(crate) fn verdict(&self, expression: &'a Expression) -> Result<bool, Fault<'a>> {
        let value = self.value(expression)?;
        value.as_bool().map_err(|mismatch| mismatch.at(Place::whole(expression)))
    }

    pub(crate) fn value(&self, expression: &'a Expression) -> Result<Value<'a>, Fault<'a>> {
        match expression {
            Expression::Literal(literal) => {
                literal_value(literal).ok_or(Fault::NotSupported { token: expression, place: None })
            }
            Expression::Name { field, .. } => match field {
                Some(field) => Ok(self.field(*field)),
                None => Err(Fault::NotSupported { token: expression, place: None }),
            },
            Expression::Call { function, arguments, .. } => {
                let place = Place::whole(expression);
                self.call(expression, *function, arguments).map_err(|fault| fault.within(place))
            }
            Expression::Not(operand) => match self.value(operand)?.as_bool() {
                Ok(value) => Ok(Value::Bool(!value)),
                Err(mismatch) => Err(mismatch.at(Place::whole(expression))),
            },
            Expression::Chain { first, links } => self.chain(expression, first, links),
        }
    }

    pub(crate) fn group_count(&self) -> usize {
        self.subject.group_count()
    }

    fn field(&self, field: Field) -> Value<'a> {
        match field {
            Field::UserId => Value::field(self.subject.user_id()),
            Field::ConnectionId => Value::borrowed(self.subject.connection_id()),
            Field::Groups => Value::Groups,
            Field::Protocol => Value::field(self.subject.protocol()),
        }
    }

    fn chain(
        &self,
        chain: &'a Expression,
        first: &'a Expression,
        links: &'a [Link],
    ) -> Result<Value<'a>, Fault<'a>> {
        let place = |links| Place { expression: chain, links };
        let mut left = self.value(first).map_err(|fault| fault.within(place(1)))?;
        for (index, link) in links.iter().enumerate() {
            let place = place(index + 1);
            let result = self.link(&left, link, place).map_err(|fault| fault.within(place))?;
            left = Value::Bool(result);
        }
        Ok(left)
    }

    fn link(&self, left: &Value<'a>, link: &'a Link, place: Place<'a>) -> Result<bool, Fault<'a>> {
        match link {
            Link::Binary(operator, operand) => binary(left, *operator, &self.value(operand)?, place),
            Link::InCollection(collection) => match self.value(collection)? {
                Value::Groups => Ok(self.is_member(left)),
                other => Err(other.mismatch(Type::Collection).at(place)),
            },
            Link::InList(items) => self.is_listed(left, items),
        }
    }

    /// Looks at every item even after a match, because an item without a value must be found by the check.
    fn is_listed(&self, value: &Value<'a>, items: &'a [Expression]) -> Result<bool, Fault<'a>> {
        let mut found = false;
        for item in items {
            let item = self.value(item)?;
            // The documented grammar lets a collection stand in parentheses: `'g' in (groups)`.
            let holds = matches!(item, Value::Groups) && self.is_member(value);
            found |= holds || item.equals(value);
        }
        Ok(found)
    }

    /// Only text can be the name of a group; anything else is unequal to all of them.
    pub(crate) fn is_member(&self, value: &Value<'_>) -> bool {
        matches!(value, Value::Text(Some(name)) if self.subject.in_group(name))
    }
}

fn literal_value(literal: &Literal) -> Option<Value<'_>> {
    match literal {
        Literal::Null => Some(Value::Null),
        Literal::Bool(value) => Some(Value::Bool(*value)),
        Literal::Int(value) => Some(Value::Int(*value)),
        Literal::Text(text) => Some(Value::borrowed(text)),
        Literal::Unsupported(_) => None,
    }
}

/// Both sides are evaluated already, and both are type-checked: no operator hides a mistake behind the other
/// side's value.
fn binary<'a>(
    left: &Value<'_>,
    operator: Operator,
    right: &Value<'_>,
    place: Place<'a>,
) -> Result<bool, Fault<'a>> {
    let result = match operator {
        Operator::Equal => Ok(left.equals(right)),
        Operator::NotEqual => Ok(!left.equals(right)),
        Operator::Or => left.as_bool().and_then(|left| Ok(right.as_bool()? || left)),
        Operator::And => left.as_bool().and_then(|left| Ok(right.as_bool()? && left)),
        // A null has no order. A text field without a value is not a null here, as its type is string: an
        // error.
        _ if matches!(left, Value::Null) || matches!(right, Value::Null) => Ok(false),
        _ => left.as_int().and_then(|left| Ok(ordered(left, operator, right.as_int()?))),
    };
    result.map_err(|mismatch| mismatch.at(place))
}

fn ordered(left: i32, operator: Operator, right: i32) -> bool {
    match operator {
        Operator::Greater => left > right,
        Operator::GreaterOrEqual => left >= right,
        Operator::Less => left < right,
        _ => left <= right,
    }
}
