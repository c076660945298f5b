//! Filters: which connections an operation is for.

use std::fmt;

/// An OData expression that chooses connections, by `userId`, `connectionId` and `groups`.
///
/// An empty filter chooses every connection. What the language offers is in the
/// [documentation of the service](https://aka.ms/awps/filter-syntax).
///
/// Make one from a text that is constant, or by [`odata!`](crate::odata!) from a template and values:
///
/// ```
/// use webpubsub::{Filter, odata};
///
/// let anonymous = Filter::from("userId eq null");
///
/// let group = "bob's";
/// let members = odata!("{} in groups and length(userId) gt {}", group, 3);
/// assert_eq!(members.as_str(), "'bob''s' in groups and length(userId) gt 3");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter(String);

impl Filter {
    /// The text of the filter.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Fills a template; called by [`odata!`](crate::odata!), which checks that it has a place for each value.
    #[doc(hidden)]
    pub fn from_template(template: &str, values: &[Literal]) -> Self {
        let mut values = values.iter();
        let mut filter = String::with_capacity(template.len());
        let mut inside_string = false;
        let mut pieces = template.split("{}").peekable();
        while let Some(piece) = pieces.next() {
            filter.push_str(piece);
            // A quote that is doubled inside a string flips twice.
            inside_string ^= piece.matches('\'').count() % 2 == 1;
            if let (Some(_), Some(value)) = (pieces.peek(), values.next()) {
                value.write(&mut filter, inside_string);
            }
        }
        Self(filter)
    }
}

impl AsRef<str> for Filter {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is taken as it is. Values from outside belong into [`odata!`](crate::odata!).
impl From<&str> for Filter {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// The text is taken as it is. Values from outside belong into [`odata!`](crate::odata!).
impl From<String> for Filter {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Makes a [`Filter`] from a template with a `{}` for each value. Values are written as OData literals, so that none
/// can change the meaning of the filter: strings are quoted with their quotes doubled, `None` is `null`.
///
/// ```
/// use webpubsub::odata;
///
/// let user = String::from("vic's");
/// let anonymous: Option<&str> = None;
/// let filter = odata!("userId eq {} or userId eq {} or length(userId) gt {}", anonymous, &user, 3);
/// assert_eq!(filter.as_str(), "userId eq null or userId eq 'vic''s' or length(userId) gt 3");
/// ```
///
/// A value inside quotes of the template is only escaped: `odata!("startswith(userId, 'team-{}')", name)`.
///
/// The template is checked when the program is compiled: it has as many `{}` as there are values, and no other
/// braces, because `{user}` would look escaped without being so.
///
/// ```compile_fail
/// let user = "vic's";
/// webpubsub::odata!("userId eq {user}");
/// ```
#[macro_export]
macro_rules! odata {
    ($template:literal $(, $value:expr)* $(,)?) => {{
        const VALUES: &[&str] = &[$(::core::stringify!($value)),*];
        const _: () = ::core::assert!(
            $crate::placeholders($template) == VALUES.len(),
            "odata! takes exactly one value for each {{}} of its template"
        );
        $crate::Filter::from_template($template, &[$($crate::Literal::from($value)),*])
    }};
}

/// Counts the `{}` of a template at compile time.
#[doc(hidden)]
pub const fn placeholders(template: &str) -> usize {
    let bytes = template.as_bytes();
    let (mut at, mut count) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'{' => {
                assert!(
                    at + 1 < bytes.len() && bytes[at + 1] == b'}',
                    "odata! knows only {{}} as a place for a value"
                );
                count += 1;
                at += 1;
            }
            b'}' => panic!("odata! knows only {{}} as a place for a value"),
            _ => {}
        }
        at += 1;
    }
    count
}

/// A value in a filter, as [`odata!`](crate::odata!) takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Literal {
    /// No value, as the user id of an anonymous connection.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number. The language of filters has only integers of 32 bits.
    Integer(i32),
    /// A text.
    String(String),
}

impl Literal {
    fn write(&self, filter: &mut String, inside_string: bool) {
        match self {
            Self::Null => filter.push_str("null"),
            Self::Bool(value) => filter.push_str(if *value { "true" } else { "false" }),
            Self::Integer(value) => filter.push_str(&value.to_string()),
            Self::String(text) => {
                let escaped = text.replace('\'', "''");
                match inside_string {
                    true => filter.push_str(&escaped),
                    false => filter.extend(["'", &escaped, "'"]),
                }
            }
        }
    }
}

macro_rules! literal_from {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl From<$type> for Literal {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

literal_from! {
    bool => Bool,
    i8 => Integer,
    i16 => Integer,
    i32 => Integer,
    u8 => Integer,
    u16 => Integer,
    &str => String,
    &String => String,
    String => String,
}

impl<T: Into<Literal>> From<Option<T>> for Literal {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    /// Reads the string literal that begins at the start of `text`, as the service does, and what follows it.
    fn read_string(text: &str) -> Option<(String, &str)> {
        let mut rest = text.strip_prefix('\'')?;
        let mut value = String::new();
        loop {
            let (part, behind) = rest.split_once('\'')?;
            value.push_str(part);
            match behind.strip_prefix('\'') {
                Some(more) => {
                    value.push('\'');
                    rest = more;
                }
                None => return Some((value, behind)),
            }
        }
    }

    #[test]
    fn values_are_written_as_the_javascript_template_writes_them() {
        let (anonymous, user, length) = (None::<&str>, "vic's", 3);
        assert_eq!(
            odata!("userId eq {} or userId eq {} or length(userId) > {}", anonymous, user, length).as_str(),
            "userId eq null or userId eq 'vic''s' or length(userId) > 3"
        );
        assert_eq!(
            odata!("{} in groups and not({} in groups)", "a", "b").as_str(),
            "'a' in groups and not('b' in groups)"
        );
        assert_eq!(odata!("{} eq {}", true, Some(false)).as_str(), "true eq false");
        assert_eq!(odata!("userId eq null").as_str(), "userId eq null");
    }

    #[test]
    fn a_value_inside_quotes_is_only_escaped() {
        assert_eq!(odata!("userId eq '{}'", "vic's").as_str(), "userId eq 'vic''s'");
        assert_eq!(
            odata!("startswith(userId, 'team-{}')", "o'b").as_str(),
            "startswith(userId, 'team-o''b')"
        );
        assert_eq!(
            odata!("userId eq 'it''s' or userId eq {}", "b").as_str(),
            "userId eq 'it''s' or userId eq 'b'"
        );
    }

    proptest! {
        #[test]
        fn no_value_can_leave_its_literal(value in ".*", next in ".*") {
            let filter = odata!("{} in groups or userId eq {}", &value, &next);
            let (first, rest) = read_string(filter.as_str()).expect("a string");
            prop_assert_eq!(first, value);
            let (second, rest) = read_string(rest.strip_prefix(" in groups or userId eq ").expect("the template"))
                .expect("a string");
            prop_assert_eq!(second, next);
            prop_assert_eq!(rest, "");
        }

        #[test]
        fn no_value_can_leave_quotes_of_the_template(value in ".*") {
            let filter = odata!("'<{}>' in groups", &value);
            let (read, rest) = read_string(filter.as_str()).expect("a string");
            prop_assert_eq!(read, format!("<{value}>"));
            prop_assert_eq!(rest, " in groups");
        }
    }
}
