//! The wildcard language of roles.

use hubwire_auth::{PATTERN_LENGTH_MAX, Pattern, PatternError};
use proptest::prelude::*;

#[test]
fn patterns_match_as_documented() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("chat-*", &["chat-1", "chat-", "chat-ab"], &["chat.1", "xchat-1", "chat-1.2", "Chat-1", "chat"]),
        ("a.*", &["a.b", "a."], &["a.b.c", "a", "ab"]),
        ("a.**", &["a.b", "a.b.c", "a."], &["b.x", "a"]),
        ("r.?1", &["r.a1", "r.ü1", "r.€1"], &["r.1", "r.a.1", "r..1", "r.ab1"]),
        (r"x\*y", &["x*y"], &["xzy", r"x\*y", "xy"]),
        (r"x\?\\y", &[r"x?\y"], &[r"xa\y", r"x?y"]),
        ("*", &["", "ab"], &["a.b", "."]),
        ("ab*", &["ab", "abc"], &["a", "ab."]),
        ("a.**.b", &["a..b", "a.x.b", "a.x.y.b"], &["a.b", "a..c", "a..b.c"]),
        ("**", &["", "a", "a.b", "..."], &[]),
        ("***", &["", "a.b"], &[]),
        ("*?", &["a", "ab"], &["", ".", "a."]),
        ("**.*", &["a.b", "a.b.c", ".", "a."], &["a", ""]),
        ("*.**x", &["a.x", ".x", "a.b.x"], &["x", "a.b"]),
        ("**ab*c", &["abc", "abab.abc", "ab.abxc", "x.y.abzc"], &["ab.c", "abc.d"]),
        ("*a*a*", &["aa", "xaxax", "aaaa"], &["a", "a.a"]),
        (r"*\**", &["*", "a*b"], &["", "ab"]),
        ("plain.name", &["plain.name"], &["plainxname", "plain.name.", ""]),
    ];
    for (pattern, yes, no) in cases {
        let parsed = Pattern::parse(pattern).unwrap();
        for name in *yes {
            assert!(parsed.matches(name), "{pattern} should match {name:?}");
        }
        for name in *no {
            assert!(!parsed.matches(name), "{pattern} should not match {name:?}");
        }
    }
}

#[test]
fn a_printed_pattern_means_the_same() {
    let cases = [
        ("chat-*", "chat-*"),
        ("a.***", "a.**"),
        ("r.?1", "r.?1"),
        (r"x\*y\?\\", r"x\*y\?\\"),
        ("plain.name", "plain.name"),
    ];
    for (text, printed) in cases {
        let pattern = Pattern::parse(text).unwrap();
        assert_eq!(pattern.to_string(), printed);
        assert_eq!(Pattern::parse(printed).unwrap(), pattern, "{printed}");
    }
}

#[test]
fn patterns_outside_the_rules_are_refused() {
    use PatternError::{Empty, Escape, TooComplex, TooLong};
    let cases = [
        (String::new(), Some(Empty)),
        ("x".repeat(PATTERN_LENGTH_MAX), None),
        ("x".repeat(PATTERN_LENGTH_MAX + 1), Some(TooLong)),
        ("€".repeat(PATTERN_LENGTH_MAX), None),
        ("😀".repeat(PATTERN_LENGTH_MAX / 2 + 1), Some(TooLong)),
        ("*****".to_owned(), None),
        ("******".to_owned(), Some(TooComplex)),
        ("*a*a*a*a*".to_owned(), None),
        ("**a**a**".to_owned(), Some(TooComplex)),
        ("?????".to_owned(), None),
        ("??????".to_owned(), Some(TooComplex)),
        ("*a*a*???".to_owned(), Some(TooComplex)),
        ("**a**???".to_owned(), None),
        (r"a\".to_owned(), Some(Escape)),
        (r"a\b".to_owned(), Some(Escape)),
        (r"a\\".to_owned(), None),
    ];
    for (text, error) in cases {
        assert_eq!(Pattern::parse(&text).err(), error, "{text}");
    }
}

#[test]
fn a_pattern_without_wildcards_is_a_name() {
    let literal = |text| Pattern::parse(text).unwrap().literal().map(str::to_owned);
    assert_eq!(literal("room.1").as_deref(), Some("room.1"));
    assert_eq!(literal(r"a\*\?\\").as_deref(), Some(r"a*?\"));
    assert_eq!(literal("room.?"), None);
    assert_eq!(literal("*"), None);
}

#[test]
fn only_two_or_more_stars_alone_mean_everything() {
    let everything = |text| Pattern::parse(text).unwrap().is_everything();
    assert!(everything("**") && everything("*****"));
    assert!(!everything("*") && !everything("**.**") && !everything(r"\**") && !everything("a**"));
}

#[test]
fn the_worst_pattern_on_the_longest_name_ends() {
    // A backtracking matcher would try about 1024^5 ways.
    let pattern = Pattern::parse("*a*a*a*a*ab").unwrap();
    assert!(!pattern.matches(&"a".repeat(1024)));
    let pattern = Pattern::parse("*a**a*a*a").unwrap();
    assert!(pattern.matches(&"a".repeat(1024)));
    assert!(!pattern.matches(&format!("{}b", "a".repeat(1023))));
}

/// The definition of the language, written as plainly as possible.
fn naive(pattern: &[char], name: &[char]) -> bool {
    match pattern {
        [] => name.is_empty(),
        ['\\', escaped, rest @ ..] => name.first() == Some(escaped) && naive(rest, &name[1..]),
        ['*', '*', rest @ ..] => {
            let stars = rest.iter().take_while(|next| **next == '*').count();
            (0..=name.len()).any(|taken| naive(&rest[stars..], &name[taken..]))
        }
        ['*', rest @ ..] => {
            let run = name.iter().take_while(|next| **next != '.').count();
            (0..=run).any(|taken| naive(rest, &name[taken..]))
        }
        ['?', rest @ ..] => name.first().is_some_and(|next| *next != '.') && naive(rest, &name[1..]),
        [text, rest @ ..] => name.first() == Some(text) && naive(rest, &name[1..]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn matching_agrees_with_the_definition(pattern in r"([abü.?*]|\*\*|\\[*?\\]){1,9}", name in r"[abü.*?\\]{0,9}") {
        if let Ok(parsed) = Pattern::parse(&pattern) {
            let (pattern, name_chars): (Vec<_>, Vec<_>) = (pattern.chars().collect(), name.chars().collect());
            prop_assert_eq!(parsed.matches(&name), naive(&pattern, &name_chars));
        }
    }

    #[test]
    fn no_text_makes_patterns_panic(pattern in any::<String>(), name in any::<String>()) {
        if let Ok(parsed) = Pattern::parse(&pattern) {
            let _outcome = parsed.matches(&name);
        }
    }
}
