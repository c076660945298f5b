//! What users of the REST API see: which connections a filter selects, and how a wrong one is refused.

use hubwire_filter::{EXPRESSION_DEPTH_MAX, Error, FILTER_BYTES_MAX, Filter, Subject};

#[derive(Default)]
struct Connection {
    id: &'static str,
    user: Option<&'static str>,
    protocol: Option<&'static str>,
    groups: &'static [&'static str],
}

impl Subject for Connection {
    fn connection_id(&self) -> &str {
        self.id
    }

    fn user_id(&self) -> Option<&str> {
        self.user
    }

    fn protocol(&self) -> Option<&str> {
        self.protocol
    }

    fn group_count(&self) -> usize {
        self.groups.len()
    }

    fn in_group(&self, group: &str) -> bool {
        self.groups.contains(&group)
    }
}

fn user(user: &'static str) -> Connection {
    Connection { id: "c1", user: Some(user), ..Connection::default() }
}

fn anonymous() -> Connection {
    Connection { id: "c1", ..Connection::default() }
}

fn member(groups: &'static [&'static str]) -> Connection {
    Connection { id: "c1", user: Some("a"), groups, ..Connection::default() }
}

#[track_caller]
fn selects(filter: &str, connection: Connection) {
    assert!(
        Filter::parse(filter).expect("the filter must be accepted").matches(&connection),
        "{filter} must select"
    );
}

#[track_caller]
fn skips(filter: &str, connection: Connection) {
    assert!(
        !Filter::parse(filter).expect("the filter must be accepted").matches(&connection),
        "{filter} must not select"
    );
}

#[track_caller]
fn refused(filter: &str, message: &str) {
    assert_eq!(Filter::parse(filter).expect_err("the filter must be refused").to_string(), message);
}

/// For messages that show the whole filter.
#[track_caller]
fn refused_whole(filter: &str, detail: &str) {
    refused(filter, &format!("Invalid syntax for '{filter}': {detail} (Parameter 'filter')"));
}

#[test]
fn user_id_is_compared_exactly() {
    selects("userId eq 'a'", user("a"));
    skips("userId eq 'a'", user("A"));
    skips("userId eq 'a'", anonymous());
    selects("userId ne 'a'", anonymous());
}

#[test]
fn null_tells_anonymous_from_signed_in() {
    selects("userId eq null", anonymous());
    skips("userId eq null", user("a"));
    skips("userId eq null", user(""));
    selects("userId ne null", user("a"));
    skips("userId ne null", anonymous());
    selects("null eq null and tolower(userId) eq null", anonymous());
}

#[test]
fn groups_are_searched_for_a_name() {
    let either = "'g1' in groups or 'g2' in groups";
    selects(either, member(&["g2"]));
    skips(either, member(&["g3", "G1"]));
    selects("'g1' in (groups)", member(&["g1"]));
    selects("not ('g1' in groups)", member(&["g2"]));
    skips("not ('g1' in groups)", member(&["g1", "g2"]));
    skips("1 in groups or null in groups", member(&["1", "null"]));
    selects("userId eq 'a' and 'g1' in groups", member(&["g1"]));
    skips("userId eq 'b' and 'g1' in groups", member(&["g1"]));
    selects("length(groups) gt 1", member(&["g1", "g2"]));
    skips("length(groups) gt 1", member(&["g1"]));
    selects("groups eq groups and groups ne 'g1'", member(&["g1"]));
}

#[test]
fn lists_are_searched_for_a_value() {
    selects("connectionId in ('c2','c1')", anonymous());
    skips("connectionId in ('c2','c3')", anonymous());
    selects("userId in ('Doe, John', 'Alice')", user("Doe, John"));
    selects("userId in ('O''Brien, Jane', 'Alice')", user("O'Brien, Jane"));
    selects("length(userId) in (1,2)", user("ab"));
    selects("userId in (null)", anonymous());
    selects("userId in (,'a',, 'b',)", user("b"));
    selects("userId in (concat('a',connectionId))", user("ac1"));
    skips("userId in (1,true)", user("1"));
}

#[test]
fn protocol_is_the_negotiated_name_or_null() {
    let json = Connection { protocol: Some("json.webpubsub.azure.v1"), ..anonymous() };
    selects("protocol eq 'json.webpubsub.azure.v1'", json);
    selects("protocol eq null", anonymous());
}

#[test]
fn field_names_ignore_case_and_values_do_not() {
    selects("USERID eq 'a' and ConnectionID eq 'c1' and 'g' in GROUPS and PROTOCOL eq null", member(&["g"]));
    skips("'G' in groups", member(&["g"]));
}

#[test]
fn integers_are_ordered() {
    for (filter, expected) in [
        ("2 gt 1", true),
        ("1 gt 1", false),
        ("1 ge 1", true),
        ("0 ge 1", false),
        ("1 lt 2", true),
        ("1 lt 1", false),
        ("1 le 1", true),
        ("2 le 1", false),
        ("-2147483648 lt +2147483647", true),
        ("1 eq '1'", false),
        ("1 ne '1'", true),
        ("true ne null", true),
    ] {
        assert_eq!(Filter::parse(filter).unwrap().matches(&anonymous()), expected, "{filter}");
    }
}

#[test]
fn ordering_with_a_null_is_false() {
    for operator in ["gt", "ge", "lt", "le"] {
        skips(&format!("length(userId) {operator} 3"), anonymous());
        skips(&format!("3 {operator} null"), anonymous());
    }
    selects("length(userId) gt 3", user("four"));
}

#[test]
fn operators_bind_as_documented() {
    selects("true or true and false", anonymous());
    skips("(true or true) and false", anonymous());
    selects("not (length(userId) gt 5)", user("a"));
    selects("not endswith(userId,'a') and true", user("b"));
    selects("not not true", anonymous());
    selects("1 eq 1 eq true", anonymous());
    skips("1 eq (1 eq true)", anonymous());
    selects("not(1 eq 2)and(1 eq 1)", anonymous());
}

#[test]
fn text_functions_look_at_the_user_id() {
    let filter = "startswith(userId,'team-') and not contains(userId,'bot')";
    selects(filter, user("team-1"));
    skips(filter, user("team-bot"));
    skips(filter, user("Team-1"));
    selects("tolower(userId) eq 'bob''s'", user("BOB'S"));
    selects("toupper(userId) eq 'ÄSSß'", user("äsSß"));
    selects("toupper(userId) eq 'ı'", user("ı"));
    selects("trim(userId) eq 'a b' and trim(tolower(' X ')) eq 'x'", user(" \ta b "));
    selects("endswith(userId,'z') and length (trim('')) eq 0", user("xyz"));
    selects(
        "indexof(userId,'y') eq 1 and indexof(userId,'q') eq -1 and indexof(userId,'') eq 0",
        user("xyz"),
    );
    selects("concat(userId,'-') eq 'xyz-' and concat(null,userId) eq 'xyz'", user("xyz"));
}

#[test]
fn text_is_counted_in_utf16_units() {
    selects("length(userId) eq 4 and indexof(userId,'b') eq 3", user("a😀b"));
    selects("substring(userId,1,2) eq '😀' and substring(userId,3) eq 'b'", user("a😀b"));
    selects("substring(userId,2) eq null and substring(userId,1,1) eq null", user("a😀b"));
    selects("substring(userId,2,0) eq '' and substring(userId,5,0) eq null", user("a😀b"));
}

#[test]
fn substring_out_of_range_is_null() {
    selects("substring(userId,1,1) eq 'b'", user("abc"));
    selects("substring(userId,3) eq ''", user("abc"));
    skips("substring(userId, 1) eq 'b'", user(""));
    for part in
        ["substring(userId,4)", "substring(userId,-1)", "substring(userId,1,3)", "substring(userId,1,-1)"]
    {
        selects(&format!("{part} eq null"), user("abc"));
    }
    selects("substring(connectionId, 1) eq '1'", anonymous());
}

#[test]
fn functions_pass_nulls_on() {
    for filter in [
        "length(userId) eq null and tolower(userId) eq null and toupper(userId) eq null and trim(userId) eq null",
        "substring(userId,0) eq null and substring(null,7,1) eq null",
        "contains(userId,'') eq false and startswith('a',userId) eq false and endswith(userId,userId) eq false",
        "indexof(userId,'') eq -1 and concat(userId,null) eq null and concat(userId,'a') eq 'a'",
    ] {
        selects(filter, anonymous());
    }
}

#[test]
fn a_filter_of_constants_selects_everyone() {
    selects("1 eq 1", anonymous());
    selects(" true ", user("a"));
}

#[test]
fn a_connection_that_the_filter_has_no_value_for_is_not_selected() {
    for filter in [
        "contains(userId,1) or true",
        "not contains(1,userId)",
        "not (tolower(userId) gt 1)",
        "tolower(length(userId)) ne 'x'",
        "length(length(userId)) eq null",
        "indexof(userId,true) eq -1",
        "concat(null,length(userId)) eq null",
        "substring(userId,length(substring(connectionId,9))) ne 'x'",
    ] {
        let filter = Filter::parse(filter).unwrap();
        assert!(!filter.matches(&user("abc")), "{filter}");
    }
}

#[test]
fn quoted_messages_of_the_service_are_exact() {
    refused(
        "userId lt 1",
        "Invalid syntax for 'userId lt 1': Type 'string', expect 'int'. (Parameter 'filter')",
    );
    refused(
        "( not 'a' )",
        "Invalid syntax for 'not 'a'': Type 'string', expect 'bool'. (Parameter 'filter')",
    );
    refused("ab eq 1", "Invalid syntax for 'ab eq 1': Token 'ab' is not supported. (Parameter 'filter')");
    refused(
        "invalid(ab,c)",
        "Invalid syntax for 'invalid(ab,c)': Token 'invalid(ab,c)' is not supported. (Parameter 'filter')",
    );
    refused(
        "not length(userId) gt 5",
        "Invalid syntax for 'not length(userId)': Type 'null', expect 'bool'. (Parameter 'filter')",
    );
    refused(
        "not 'g1' in groups",
        "Invalid syntax for 'not 'g1'': Type 'string', expect 'bool'. (Parameter 'filter')",
    );
}

#[test]
fn a_filter_that_is_not_bool_is_refused() {
    refused_whole("userId", "Type 'string', expect 'bool'.");
    refused_whole("null", "Type 'null', expect 'bool'.");
    refused_whole("-5", "Type 'int', expect 'bool'.");
    refused_whole("groups", "Type 'collection', expect 'bool'.");
    refused_whole("length(userId)", "Type 'null', expect 'bool'.");
}

#[test]
fn wrong_types_are_refused_even_behind_a_decided_operator() {
    refused_whole("userId gt 'a'", "Type 'string', expect 'int'.");
    refused_whole("true gt 1", "Type 'bool', expect 'int'.");
    refused_whole("1 in 2", "Type 'int', expect 'collection'.");
    refused_whole("true or 1", "Type 'int', expect 'bool'.");
    refused_whole("false and null", "Type 'null', expect 'bool'.");
    refused(
        "true in (true,userId lt 1)",
        "Invalid syntax for 'userId lt 1': Type 'string', expect 'int'. (Parameter 'filter')",
    );
    for call in
        ["tolower(1)", "contains(connectionId,1)", "indexof('a',1)", "substring(1,0)", "concat('a',1)"]
    {
        refused(
            &format!("{call} eq null"),
            &format!("Invalid syntax for '{call}': Type 'int', expect 'string'. (Parameter 'filter')"),
        );
    }
    refused(
        "substring(userId,length(userId)) eq 'a'",
        "Invalid syntax for 'substring(userId,length(userId))': Type 'null', expect 'int'. (Parameter 'filter')",
    );
}

#[test]
fn messages_print_nested_operators_in_parentheses() {
    refused(
        "true and 'g' in groups and (1 eq 1 or not true) and userId or false",
        "Invalid syntax for '((true and ('g' in groups)) and ((1 eq 1) or (not true))) and userId': \
         Type 'string', expect 'bool'. (Parameter 'filter')",
    );
    refused(
        "(userId  in ( 'a' , 'b''c' )) gt 1 and true",
        "Invalid syntax for '(userId in ('a','b''c')) gt 1': Type 'bool', expect 'int'. (Parameter 'filter')",
    );
    refused(
        "contains( tolower( userId ) , concat('a', toupper(true)) )",
        "Invalid syntax for 'toupper(true)': Type 'bool', expect 'string'. (Parameter 'filter')",
    );
}

#[test]
fn wrong_numbers_of_arguments_are_refused() {
    for call in [
        "length()",
        "length('a','b')",
        "contains('a')",
        "substring('a')",
        "substring('a',1,2,3)",
        "length(1)",
    ] {
        refused(
            &format!("true and {call} eq 1"),
            &format!("Invalid syntax for '{call}': Invalid token '{call}'. (Parameter 'filter')"),
        );
    }
}

#[test]
fn unknown_words_and_literals_are_refused_with_what_surrounds_them() {
    refused_whole("not ab", "Token 'ab' is not supported.");
    refused(
        "true and ( 1 eq  Length('a'))",
        "Invalid syntax for 'Length('a')': Token 'Length('a')' is not supported. (Parameter 'filter')",
    );
    refused(
        "true and length( ab ) eq 1",
        "Invalid syntax for 'length(ab)': Token 'ab' is not supported. (Parameter 'filter')",
    );
    refused(
        "not a.b or true",
        "Invalid syntax for '(not a.b) or true': Token 'a.b' is not supported. (Parameter 'filter')",
    );
    refused(
        "1 in (1,ab)",
        "Invalid syntax for '1 in (1,ab)': Token 'ab' is not supported. (Parameter 'filter')",
    );
    for literal in [
        "2147483648",
        "-2147483649",
        "1.5",
        "1e3",
        "5L",
        "2020-01-01",
        "00000000-0000-0000-0000-000000000000",
    ] {
        refused_whole(&format!("{literal} eq 1"), &format!("Token '{literal}' is not supported."));
    }
    refused_whole("1 add 1 eq 2", "Token 'add' is not supported.");
    refused_whole("userId EQ 'a'", "Token 'EQ' is not supported.");
    refused_whole("True", "Token 'True' is not supported.");
}

#[test]
fn broken_texts_are_refused_with_a_position() {
    for (filter, problem, position) in [
        ("", "Expression expected", 0),
        (" ", "Expression expected", 1),
        ("userId eq", "Expression expected", 9),
        ("()", "Expression expected", 1),
        ("userId in ()", "Expression expected", 11),
        ("userId in (,)", "Expression expected", 12),
        ("and(,1)", "Expression expected", 4),
        ("'é' eq (1", "')' or ',' expected", 9),
        ("length(userId", "')' or ',' expected", 13),
        ("userId in ('a' 'b')", "')' or ',' expected", 15),
        ("true)", "Syntax error", 4),
        ("true 'a'", "Syntax error", 5),
        ("'é' eq 'a''", "There is an unterminated string literal", 7),
    ] {
        refused_whole(filter, &format!("{problem} at position {position} in '{filter}'."));
    }
    let lambda = "groups/any(g: g eq 'a')";
    refused_whole(lambda, &format!("Syntax error: character '/' is not valid at position 6 in '{lambda}'."));
    let negation = "1 eq -length(userId)";
    refused_whole(
        negation,
        &format!("Syntax error: character '-' is not valid at position 5 in '{negation}'."),
    );
}

#[test]
fn nesting_is_limited() {
    let depth = EXPRESSION_DEPTH_MAX;
    let parentheses = |depth| format!("{}true{}", "(".repeat(depth), ")".repeat(depth));
    let calls = |depth| format!("{}userId{} eq 'a'", "trim(".repeat(depth), ")".repeat(depth));
    let negations = |depth| format!("{}true", "not ".repeat(depth));
    let lists = |depth| format!("{}true{}", "true in (".repeat(depth), ")".repeat(depth));
    let mixed = |depth| format!("{}true{}", "true or true and true eq (".repeat(depth), ")".repeat(depth));
    for nest in [&parentheses as &dyn Fn(usize) -> String, &calls, &negations, &lists, &mixed] {
        Filter::parse(&nest(depth)).unwrap().matches(&user("a"));
        refused_whole(&nest(depth + 1), "Recursion depth exceeded allowed limit of 100.");
    }
    for hostile in ["(", "not ", "trim(", "1 in(", "not("] {
        let filter = hostile.repeat(FILTER_BYTES_MAX / hostile.len());
        assert!(matches!(Filter::parse(&filter), Err(Error::TooDeep { .. })), "{hostile}");
    }
}

#[test]
fn long_chains_are_no_nesting() {
    for link in [" or true", " and true", " eq true", " in(1)"] {
        let filter = format!("true{}", link.repeat((FILTER_BYTES_MAX - 4) / link.len()));
        let filter = Filter::parse(&filter).unwrap();
        filter.matches(&anonymous());
        assert!(filter.to_string().starts_with("(((("));
    }
}

#[test]
fn the_text_is_limited_to_8_kib() {
    let longest = format!("{:>width$}", "true", width = FILTER_BYTES_MAX);
    Filter::parse(&longest).unwrap();
    assert_eq!(
        Filter::parse(&"é".repeat(FILTER_BYTES_MAX / 2 + 1)).unwrap_err().to_string(),
        format!(
            "Invalid syntax for '{}…': The filter has 8194 bytes, at most 8192 are allowed. (Parameter 'filter')",
            "é".repeat(64)
        )
    );
}

#[test]
fn a_filter_keeps_its_text_and_equals_filters_that_differ_in_spaces_only() {
    let filter = Filter::parse(" ( userId eq 'a')and (true)").unwrap();
    assert_eq!(filter.source(), " ( userId eq 'a')and (true)");
    assert_eq!(filter.to_string(), "(userId eq 'a') and true");
    assert_eq!(filter, Filter::parse("userId eq 'a' and true").unwrap());
    assert_ne!(filter, Filter::parse("userId eq 'b' and true").unwrap());
}

#[test]
fn a_filter_is_shared_between_threads() {
    fn shared<T: Send + Sync + std::fmt::Debug>() {}
    shared::<Filter>();
}

#[test]
fn a_person_can_see_why_a_filter_does_not_match() {
    let connection = Connection { id: "c1", user: Some("o'hara"), protocol: None, groups: &["room"] };
    let shown = |filter: &str| -> Vec<String> {
        let values = Filter::parse(filter).unwrap().values(&connection);
        values.into_iter().map(|(name, value)| format!("{name} is {value}")).collect()
    };
    assert_eq!(shown("userId eq 'bob'"), ["userId is 'o''hara'"]);
    assert_eq!(
        shown("protocol ne null and 'vip' in groups"),
        ["protocol is null", "'vip' in groups is false"]
    );
    assert_eq!(shown("not ('room' in groups)"), ["'room' in groups is true"]);
    let called = ["length(groups) is 1", "startswith(userId,'x') is false", "userId is 'o''hara'"];
    assert_eq!(shown("length(groups) gt 1 or startswith(userId,'x')"), called);
    assert_eq!(
        shown("userId in ('a','b') or connectionId eq 'c2'"),
        ["userId is 'o''hara'", "connectionId is 'c1'"]
    );
    assert_eq!(shown("true").len(), 0);
    let many: Vec<_> = (0..100).map(|index| format!("'g{index}' in groups")).collect();
    assert_eq!(shown(&many.join(" or ")).len(), 32, "no more than anybody reads");
}
