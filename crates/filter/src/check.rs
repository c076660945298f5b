use crate::error::Error;
use crate::evaluate::Evaluation;
use crate::expression::Expression;
use crate::fault::Fault;
use crate::subject::Subject;

/// The connection that filters are tried on: anonymous, without id, groups and subprotocol. Observed
/// behaviour of the service depends on it: `length(userId)` is null for it, so `not length(userId)` is
/// refused as a null.
struct Nobody;

impl Subject for Nobody {
    fn connection_id(&self) -> &str {
        ""
    }

    fn user_id(&self) -> Option<&str> {
        None
    }

    fn protocol(&self) -> Option<&str> {
        None
    }

    fn group_count(&self) -> usize {
        0
    }

    fn in_group(&self, _group: &str) -> bool {
        false
    }
}

/// Refuses an expression that has no bool value. Nothing is skipped by `and`, `or` or `in`, so every part is
/// seen.
pub(crate) fn check(expression: &Expression, source: &str) -> Result<(), Error> {
    match Evaluation::trial(&Nobody).verdict(expression) {
        Ok(_) => Ok(()),
        Err(fault) => Err(refusal(fault, source)),
    }
}

fn refusal(fault: Fault<'_>, source: &str) -> Error {
    match fault {
        Fault::Type { place, mismatch } => {
            Error::Type { expression: place.to_string(), found: mismatch.found, expected: mismatch.expected }
        }
        Fault::InvalidToken { call } => Error::InvalidToken { token: call.to_string() },
        Fault::NotSupported { token, place } => Error::NotSupported {
            expression: place.map_or_else(|| source.to_owned(), |place| place.to_string()),
            token: token.to_string(),
        },
    }
}
