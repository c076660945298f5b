use crate::evaluate::Evaluation;
use crate::expression::{Expression, Field, Link, Literal};
use crate::filter::Filter;
use crate::subject::Subject;
use crate::value::Value;

/// What an explanation shows of one filter at most; a filter has some thousand parts.
const VALUES_MAX: usize = 32;

impl Filter {
    /// What the filter asks of a connection, and what it gets: every field, call and membership in it, as text, with its value, in the order of
    /// their appearance. So that a person sees why it does not match.
    pub fn values(&self, subject: &impl Subject) -> Vec<(String, String)> {
        let mut values = Values { evaluation: Evaluation::of(subject), found: Vec::new() };
        values.visit(self.expression());
        values.found
    }
}

struct Values<'a, S> {
    evaluation: Evaluation<'a, S>,
    found: Vec<(String, String)>,
}

impl<'a, S: Subject> Values<'a, S> {
    fn visit(&mut self, expression: &'a Expression) {
        match expression {
            Expression::Literal(_) | Expression::Name { field: Some(Field::Groups), .. } => {}
            Expression::Name { .. } => self.add(expression.to_string(), expression),
            Expression::Call { arguments, .. } => {
                self.add(expression.to_string(), expression);
                arguments.iter().for_each(|argument| self.visit(argument));
            }
            Expression::Not(operand) => self.visit(operand),
            Expression::Chain { first, links } => self.chain(first, links),
        }
    }

    fn chain(&mut self, first: &'a Expression, links: &'a [Link]) {
        self.visit(first);
        if let (Ok(Value::Text(Some(group))), Some(link @ Link::InCollection(_))) =
            (self.evaluation.value(first), links.first())
        {
            let member = self.evaluation.is_member(&Value::Text(Some(group)));
            self.note(format!("{first}{link}"), member.to_string());
        }
        for link in links {
            match link {
                Link::Binary(_, operand) => self.visit(operand),
                Link::InCollection(_) => {}
                Link::InList(items) => items.iter().for_each(|item| self.visit(item)),
            }
        }
    }

    fn add(&mut self, name: String, expression: &'a Expression) {
        let value = match self.evaluation.value(expression) {
            Ok(value) => shown(value),
            Err(_) => "no value".to_owned(),
        };
        self.note(name, value);
    }

    fn note(&mut self, name: String, value: String) {
        if self.found.len() < VALUES_MAX && self.found.iter().all(|(known, _)| *known != name) {
            self.found.push((name, value));
        }
    }
}

fn shown(value: Value<'_>) -> String {
    match value {
        Value::Null | Value::Text(None) => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Text(Some(text)) => Literal::Text(text.into()).to_string(),
        Value::Groups => "groups".to_owned(),
    }
}
