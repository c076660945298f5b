//! What holds for every filter and every connection.

use hubwire_filter::{Filter, Subject};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Connection {
    id: String,
    user: Option<String>,
    protocol: Option<String>,
    groups: Vec<String>,
}

impl Subject for Connection {
    fn connection_id(&self) -> &str {
        &self.id
    }

    fn user_id(&self) -> Option<&str> {
        self.user.as_deref()
    }

    fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    fn group_count(&self) -> usize {
        self.groups.len()
    }

    fn in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }
}

/// Few and short texts, so that comparisons are often true; with quotes, spaces and characters of two code units.
fn content() -> impl Strategy<Value = String> {
    "[abAB' ,()é😀]{0,4}"
}

fn connection() -> impl Strategy<Value = Connection> {
    (content(), option::of(content()), option::of(content()), vec(content(), 0..3))
        .prop_map(|(id, user, protocol, groups)| Connection { id, user, protocol, groups })
}

fn quoted(content: &str) -> String {
    format!("'{}'", content.replace('\'', "''"))
}

/// Texts of expressions whose value is text or null for every connection.
fn text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        content().prop_map(|content| quoted(&content)),
        prop::sample::select(vec!["userId", "USERID", "connectionId", "protocol"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            ("tolower|toupper|trim", inner.clone())
                .prop_map(|(function, text)| format!("{function}( {text})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("concat({left} ,{right})")),
            (inner.clone(), -1..4i32).prop_map(|(text, start)| format!("substring({text},{start})")),
            (inner, 0..3i32, 0..3i32)
                .prop_map(|(text, start, length)| format!("substring({text},{start},{length})")),
        ]
    })
}

/// Texts of expressions whose value is an int or null for every connection.
fn int() -> impl Strategy<Value = String> {
    prop_oneof![
        (-3..5i32).prop_map(|value| value.to_string()),
        Just("length(groups)".to_owned()),
        text().prop_map(|text| format!("length({text})")),
        (text(), text()).prop_map(|(text, part)| format!("indexof({text},{part})")),
    ]
}

/// Texts of filters that have a value for every connection.
fn filter() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "true|false",
        (text(), "eq|ne", text()).prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
        (int(), "eq|ne|gt|ge|lt|le", int())
            .prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
        (text(), vec(text(), 1..4)).prop_map(|(value, items)| format!("{value} in ({})", items.join(", "))),
        text().prop_map(|value| format!("{value} in groups")),
        ("contains|startswith|endswith", text(), text())
            .prop_map(|(function, text, part)| format!("{function}({text},{part})")),
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| format!("not ({inner})")),
            inner.clone().prop_map(|inner| format!("( {inner} )")),
            (inner.clone(), "and|or", inner)
                .prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
        ]
    })
}

/// Pieces of the language in any order: seldom a filter, always close to one.
fn fragments() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "(",
        ")",
        ",",
        "'a'",
        "''",
        "'",
        "userId",
        "connectionId",
        "groups",
        "protocol",
        "null",
        "true",
        "1",
        "-1",
        "99999999999",
        "1.5",
        "and",
        "or",
        "not",
        "eq",
        "ne",
        "gt",
        "le",
        "in",
        "in (",
        "length(",
        "tolower(",
        "contains(",
        "indexof(",
        "concat(",
        "substring(",
        "ab",
        "/",
        "é",
        "😀",
    ]);
    vec(piece, 0..14).prop_map(|pieces| pieces.join(" "))
}

/// Well-formed, mostly ill-typed.
fn careless() -> impl Strategy<Value = String> {
    let leaf =
        prop::sample::select(vec!["null", "true", "1", "'a'", "userId", "connectionId", "groups", "ab"])
            .prop_map(str::to_owned);
    leaf.prop_recursive(3, 12, 3, |inner| {
        let operators = "and|or|eq|ne|gt|ge|lt|le|in";
        let functions = "length|tolower|trim|contains|startswith|indexof|concat|substring";
        prop_oneof![
            (inner.clone(), operators, inner.clone())
                .prop_map(|(a, operator, b)| format!("({a} {operator} {b})")),
            (functions, vec(inner.clone(), 0..4))
                .prop_map(|(function, arguments)| format!("{function}({})", arguments.join(","))),
            inner.prop_map(|inner| format!("not {inner}")),
        ]
    })
}

/// Evaluates what parses, for the sake of panics.
fn try_out(text: &str, connection: &Connection) {
    if let Ok(filter) = Filter::parse(text) {
        filter.matches(connection);
        assert_eq!(Filter::parse(&filter.to_string()).expect("a printed filter must parse"), filter);
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), connection in connection()) {
        try_out(&text, &connection);
    }

    #[test]
    fn no_mix_of_pieces_panics(text in fragments(), connection in connection()) {
        try_out(&text, &connection);
    }

    #[test]
    fn no_mix_of_types_panics(text in careless(), connection in connection()) {
        try_out(&format!("{text} eq 1"), &connection);
        try_out(&text, &connection);
    }

    #[test]
    fn every_error_names_its_parameter(text in fragments()) {
        if let Err(error) = Filter::parse(&text) {
            let message = error.to_string();
            prop_assert!(message.starts_with("Invalid syntax for '") && message.ends_with(". (Parameter 'filter')"));
        }
    }

    #[test]
    fn a_printed_filter_is_the_same_filter(text in filter(), connection in connection()) {
        let filter = Filter::parse(&text).unwrap();
        let again = Filter::parse(&filter.to_string()).unwrap();
        prop_assert_eq!(&again, &filter);
        prop_assert_eq!(again.to_string(), filter.to_string());
        prop_assert_eq!(again.matches(&connection), filter.matches(&connection));
    }

    #[test]
    fn not_selects_exactly_the_others(text in filter(), connection in connection()) {
        let filter = Filter::parse(&text).unwrap();
        let others = Filter::parse(&format!("not ({text})")).unwrap();
        prop_assert_ne!(filter.matches(&connection), others.matches(&connection));
    }

    #[test]
    fn and_and_or_select_what_their_sides_select(left in filter(), right in filter(), connection in connection()) {
        let selects = |text: &str| Filter::parse(text).unwrap().matches(&connection);
        let (first, second) = (selects(&left), selects(&right));
        prop_assert_eq!(selects(&format!("({left}) and ({right})")), first && second);
        prop_assert_eq!(selects(&format!("({left}) or ({right})")), first || second);
    }

    #[test]
    fn a_list_selects_its_users(users in vec(content(), 1..5), connection in connection()) {
        let items: Vec<_> = users.iter().map(|user| quoted(user)).collect();
        let filter = Filter::parse(&format!("userId in ({})", items.join(","))).unwrap();
        let listed = connection.user.as_ref().is_some_and(|user| users.contains(user));
        prop_assert_eq!(filter.matches(&connection), listed);
    }

    #[test]
    fn substring_agrees_with_utf16(user in content(), start in -1..6i32, length in -1..6i32) {
        let units: Vec<u16> = user.encode_utf16().collect();
        let part = usize::try_from(start).ok().zip(usize::try_from(length).ok())
            .and_then(|(start, length)| units.get(start..start + length))
            .and_then(|part| String::from_utf16(part).ok());
        let expected = part.map_or("null".to_owned(), |part| quoted(&part));
        let filter = Filter::parse(&format!("substring(userId,{start},{length}) eq {expected}")).unwrap();
        let connection = Connection { id: String::new(), user: Some(user), protocol: None, groups: vec![] };
        prop_assert!(filter.matches(&connection), "{}", filter);
    }
}
