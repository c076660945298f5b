use std::borrow::Cow;

use crate::evaluate::Evaluation;
use crate::expression::{Expression, Function};
use crate::fault::{Fault, Mismatch, Place};
use crate::subject::Subject;
use crate::text;
use crate::value::Value;

type Computed<'a> = Result<Value<'a>, Fault<'a>>;

impl<'a, S: Subject> Evaluation<'a, S> {
    /// The value of a function call. A wrong number of arguments is found before any argument is looked at,
    /// and so is an unknown function, whose arguments are not looked at either.
    pub(crate) fn call(
        &self,
        call: &'a Expression,
        function: Option<Function>,
        arguments: &'a [Expression],
    ) -> Computed<'a> {
        let Some(function) = function else {
            return Err(Fault::NotSupported { token: call, place: None });
        };
        match (function, arguments) {
            (Function::Length, [value]) => self.length(call, value),
            (Function::ToLower, [value]) => self.changed(call, value, text::lower_case),
            (Function::ToUpper, [value]) => self.changed(call, value, text::upper_case),
            (Function::Trim, [value]) => self.changed(call, value, text::trimmed),
            (Function::Contains, [value, part]) => {
                self.tested(call, value, part, |value, part| value.contains(part))
            }
            (Function::StartsWith, [value, part]) => {
                self.tested(call, value, part, |value, part| value.starts_with(part))
            }
            (Function::EndsWith, [value, part]) => {
                self.tested(call, value, part, |value, part| value.ends_with(part))
            }
            (Function::IndexOf, [value, part]) => self.index(call, value, part),
            (Function::Concat, [left, right]) => concat(call, self.value(left)?, self.value(right)?),
            (Function::Substring, [value, start]) => self.substring(call, value, start, None),
            (Function::Substring, [value, start, length]) => self.substring(call, value, start, Some(length)),
            _ => Err(Fault::InvalidToken { call }),
        }
    }

    fn length(&self, call: &'a Expression, value: &'a Expression) -> Computed<'a> {
        match self.value(value)? {
            Value::Null | Value::Text(None) => Ok(Value::Null),
            Value::Text(Some(text)) => Ok(Value::count(text::length(&text))),
            Value::Groups => Ok(Value::count(self.group_count())),
            Value::Bool(_) | Value::Int(_) => Err(Fault::InvalidToken { call }),
        }
    }

    fn changed(
        &self,
        call: &'a Expression,
        value: &'a Expression,
        change: fn(Cow<'a, str>) -> Cow<'a, str>,
    ) -> Computed<'a> {
        let value = self.value(value)?;
        if value.is_null() {
            return Ok(Value::Null);
        }
        let text = value.into_text().map_err(at(call))?;
        Ok(Value::Text(Some(change(text))))
    }

    fn tested(
        &self,
        call: &'a Expression,
        value: &'a Expression,
        part: &'a Expression,
        test: fn(&str, &str) -> bool,
    ) -> Computed<'a> {
        let tested = self.with_texts(call, value, part, test)?;
        Ok(Value::Bool(tested.unwrap_or(false)))
    }

    fn index(&self, call: &'a Expression, value: &'a Expression, part: &'a Expression) -> Computed<'a> {
        let index = self.with_texts(call, value, part, text::index)?.flatten();
        Ok(index.map_or(Value::Int(-1), Value::count))
    }

    /// Applies an operation to two texts, or gives `None` if either is null; then the other's type does not
    /// matter.
    fn with_texts<T>(
        &self,
        call: &'a Expression,
        value: &'a Expression,
        part: &'a Expression,
        operation: fn(&str, &str) -> T,
    ) -> Result<Option<T>, Fault<'a>> {
        let value = self.value(value)?;
        let part = self.value(part)?;
        if value.is_null() || part.is_null() {
            return Ok(None);
        }
        let value = value.as_text().map_err(at(call))?;
        Ok(Some(operation(value, part.as_text().map_err(at(call))?)))
    }

    fn substring(
        &self,
        call: &'a Expression,
        value: &'a Expression,
        start: &'a Expression,
        length: Option<&'a Expression>,
    ) -> Computed<'a> {
        let value = self.value(value)?;
        let start = self.value(start)?.as_int().map_err(at(call))?;
        let length = match length {
            Some(length) => Some(self.value(length)?.as_int().map_err(at(call))?),
            None => None,
        };
        if value.is_null() {
            return Ok(Value::Null);
        }
        let text = value.into_text().map_err(at(call))?;
        if !self.ranges_judged {
            return Ok(Value::borrowed(""));
        }
        Ok(text::substring(text, start, length).map_or(Value::Null, |part| Value::Text(Some(part))))
    }
}

/// A null is neutral beside text; beside anything else the mismatch is reported, even that of the null
/// itself.
fn concat<'a>(call: &'a Expression, left: Value<'a>, right: Value<'a>) -> Computed<'a> {
    match (left, right) {
        (left, right) if left.is_null() && right.is_null() => Ok(Value::Null),
        (left, right @ Value::Text(_)) if left.is_null() => Ok(right),
        (left @ Value::Text(_), right) if right.is_null() => Ok(left),
        (left, right) => {
            let mut text = left.into_text().map_err(at(call))?.into_owned();
            text.push_str(right.as_text().map_err(at(call))?);
            Ok(Value::Text(Some(Cow::Owned(text))))
        }
    }
}

fn at<'a>(call: &'a Expression) -> impl Fn(Mismatch) -> Fault<'a> {
    move |mismatch| mismatch.at(Place::whole(call))
}
