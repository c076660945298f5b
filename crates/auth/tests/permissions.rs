//! What roles, grants and revocations allow.

use hubwire_auth::Permission::{GetGroupState, JoinLeaveGroup, SendToGroup, SetGroupState};
use hubwire_auth::{
    IgnoredRoleReason, LITERALS_MAX, LimitReached, PATTERNS_MAX, PatternError, Permission, PermissionError,
    Permissions,
};
use proptest::prelude::*;

fn with(roles: &[&str]) -> Permissions {
    Permissions::from_roles(roles.iter().copied()).0
}

fn ignored(roles: &[&str]) -> Vec<(String, IgnoredRoleReason)> {
    let (_, ignored) = Permissions::from_roles(roles.iter().copied());
    ignored.into_iter().map(|ignored| (ignored.role, ignored.why)).collect()
}

#[test]
fn without_roles_nothing_is_allowed() {
    for permissions in [Permissions::default(), with(&[]), with(&["admin", "webpubsub.setGroupState"])] {
        assert!(!permissions.allows(SendToGroup, "a") && !permissions.allows(JoinLeaveGroup, "a"));
    }
}

#[test]
fn permissions_can_be_read_by_a_person() {
    let mut permissions =
        with(&["webpubsub.sendToGroup", "webpubsub.joinLeaveGroup.room", "webpubsub.joinLeaveGroups.chat-*"]);
    permissions.revoke(SendToGroup, "secret").unwrap();
    let (allowed, denied) = permissions.described(100);
    assert_eq!(allowed, ["sendToGroup", "joinLeaveGroup:chat-*", "joinLeaveGroup:room"]);
    assert_eq!(denied, ["sendToGroup:secret"]);
    assert_eq!(permissions.described(1).0.len(), 1, "no more than asked for");
    assert_eq!(Permissions::default().described(100), (Vec::new(), Vec::new()));
}

#[test]
fn a_role_allows_exactly_what_it_says() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("webpubsub.sendToGroup", &["a", "a.b", "*"], &[]),
        ("webpubsub.sendToGroup.a.b", &["a.b"], &["a", "b", "A.b"]),
        ("webpubsub.sendToGroup.*", &["*"], &["a"]),
        ("webpubsub.sendToGroup. a ", &[" a "], &["a"]),
        ("webpubsub.sendToGroups.*", &["*", "a"], &["a.b"]),
        ("webpubsub.sendToGroups.**", &["a", "a.b"], &[]),
        ("webpubsub.sendToGroups.room.*", &["room.1"], &["room", "room.1.2", "Room.1"]),
        (r"webpubsub.sendToGroups.a\*", &["a*"], &["ab"]),
        ("webpubsub.sendtogroup", &[], &["a"]),
        ("webpubsub.sendToGroups", &[], &["a", "s"]),
        ("webpubsub.sendToGroupX", &[], &["X", "a"]),
        ("webpubsub.sendToGroup.", &[], &["", "a"]),
    ];
    for (role, yes, no) in cases {
        let permissions = with(&[role]);
        for group in *yes {
            assert!(permissions.allows(SendToGroup, group), "{role} should allow {group:?}");
            assert!(!permissions.allows(JoinLeaveGroup, group), "{role} is about sending");
        }
        for group in *no {
            assert!(!permissions.allows(SendToGroup, group), "{role} should not allow {group:?}");
        }
        let joining = with(&[&role.replace("sendToGroup", "joinLeaveGroup")]);
        assert!(yes.iter().all(|group| joining.allows(JoinLeaveGroup, group)), "{role}");
        assert!(!yes.iter().any(|group| joining.allows(SendToGroup, group)), "{role}");
    }
}

#[test]
fn roles_on_group_states_take_a_pattern_and_have_no_plural() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("webpubsub.setGroupState", &["a", "a.b", "*"], &[]),
        ("webpubsub.setGroupState.a", &["a"], &["b", "a.b"]),
        ("webpubsub.setGroupState.*", &["*", "a"], &["a.b"]),
        ("webpubsub.setGroupState.**", &["a", "a.b"], &[]),
        ("webpubsub.setGroupState.room.*", &["room.1"], &["room", "other"]),
        ("webpubsub.setGroupStates.*", &[], &["a"]),
        ("webpubsub.setgroupstate", &[], &["a"]),
        ("webpubsub.setGroupState.", &[], &["a"]),
    ];
    for (role, yes, no) in cases {
        let setting = with(&[role]);
        let getting = with(&[&role.replace("set", "get")]);
        for (group, allowed) in
            yes.iter().map(|group| (group, true)).chain(no.iter().map(|group| (group, false)))
        {
            assert_eq!(setting.allows(SetGroupState, group), allowed, "{role} and {group:?}");
            assert_eq!(getting.allows(GetGroupState, group), allowed, "the other way: {role} and {group:?}");
            assert!(!setting.allows(GetGroupState, group) && !setting.allows(SendToGroup, group), "{role}");
        }
    }
    assert_eq!(
        ignored(&["webpubsub.setGroupState.a*b*c*d*e*f*"]),
        [(
            "webpubsub.setGroupState.a*b*c*d*e*f*".to_owned(),
            IgnoredRoleReason::Pattern(PatternError::TooComplex)
        )]
    );
    for name in ["setGroupState", "getGroupState", "3", "4"] {
        assert_eq!(name.parse::<Permission>(), Err(PermissionError), "the application cannot grant {name}");
    }
}

#[test]
fn roles_that_give_nothing_are_reported() {
    use IgnoredRoleReason::{GroupName, Pattern, Unknown};
    let long_group = format!("webpubsub.sendToGroup.{}", "g".repeat(1025));
    let long_pattern = format!("webpubsub.sendToGroups.{}*", "g".repeat(1024));
    let cases = [
        ("admin", Unknown),
        ("webpubsub.sendToGroupX", Unknown),
        ("webpubsub.sendToGroups", Unknown),
        ("webpubsub.sendToGroup.", GroupName),
        ("webpubsub.joinLeaveGroup.  ", GroupName),
        ("webpubsub.joinLeaveGroups.  ", GroupName),
        (&long_group, GroupName),
        ("webpubsub.sendToGroups.", Pattern(PatternError::Empty)),
        ("webpubsub.sendToGroups.a\\", Pattern(PatternError::Escape)),
        ("webpubsub.sendToGroups.******", Pattern(PatternError::TooComplex)),
        ("webpubsub.sendToGroups.??????", Pattern(PatternError::TooComplex)),
        (&long_pattern, Pattern(PatternError::TooLong)),
    ];
    for (role, why) in cases {
        assert_eq!(ignored(&[role, "webpubsub.sendToGroup.ok"]), [(role.to_owned(), why)]);
        assert!(with(&[role, "webpubsub.sendToGroup.ok"]).allows(SendToGroup, "ok"));
    }
}

#[test]
fn nine_patterns_count_and_the_rest_is_told_by_name() {
    let roles: Vec<_> = (0..12).rev().map(|number| format!("webpubsub.sendToGroups.r{number:02}*")).collect();
    let roles: Vec<_> = roles.iter().map(String::as_str).collect();
    let permissions = with(&roles);
    for number in 0..12 {
        let allowed = permissions.allows(SendToGroup, &format!("r{number:02}x"));
        assert_eq!(allowed, number < PATTERNS_MAX, "pattern {number}");
    }
    let expected = ["r09*", "r10*", "r11*"].map(|pattern| format!("webpubsub.sendToGroups.{pattern}"));
    assert_eq!(ignored(&roles), expected.map(|role| (role, IgnoredRoleReason::TooManyPatterns)));
    // Patterns of the other permission and names written as patterns take none of the nine places.
    let mut more: Vec<_> = roles[3..].to_vec();
    more.extend(["webpubsub.joinLeaveGroups.r*", "webpubsub.sendToGroups.name"]);
    assert_eq!(ignored(&more), []);
}

#[test]
fn equal_patterns_take_a_place_each() {
    let mut roles = vec!["webpubsub.sendToGroups.a*"; 9];
    roles.push("webpubsub.sendToGroups.b*");
    assert!(!with(&roles).allows(SendToGroup, "b1"));
    assert!(with(&roles[1..]).allows(SendToGroup, "b1"));
}

#[test]
fn a_thousand_names_count_and_the_rest_is_told() {
    let roles: Vec<_> = (0..1002).map(|number| format!("webpubsub.sendToGroup.g{number:04}")).collect();
    let roles: Vec<_> = roles.iter().map(String::as_str).collect();
    let permissions = with(&roles);
    assert!(permissions.allows(SendToGroup, "g0999") && !permissions.allows(SendToGroup, "g1000"));
    let why = IgnoredRoleReason::TooManyLiterals;
    assert_eq!(ignored(&roles), [(roles[1000].to_owned(), why), (roles[1001].to_owned(), why)]);
}

#[test]
fn a_pattern_takes_over_the_names_that_it_covers() {
    // One revocation is enough, since the name's own rule went when the pattern came.
    let mut permissions = with(&["webpubsub.sendToGroup.room1", "webpubsub.sendToGroups.room*"]);
    permissions.revoke(SendToGroup, "room1").unwrap();
    assert!(!permissions.allows(SendToGroup, "room1"));
    permissions.grant(SendToGroup, "room1").unwrap();
    assert!(permissions.allows(SendToGroup, "room1"));

    // Covered names make room for others.
    let mut roles: Vec<_> =
        (0..LITERALS_MAX).map(|number| format!("webpubsub.sendToGroup.g{number}")).collect();
    roles.push("webpubsub.sendToGroups.g*".to_owned());
    let mut permissions = with(&roles.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(permissions.grant(SendToGroup, "other"), Ok(()));
}

#[test]
fn a_revocation_overrides_every_wider_role_until_it_is_granted_again() {
    for role in ["webpubsub.sendToGroup", "webpubsub.sendToGroups.**", "webpubsub.sendToGroups.a*"] {
        let mut permissions = with(&[role]);
        let before = permissions.clone();
        permissions.revoke(SendToGroup, "a1").unwrap();
        permissions.revoke(SendToGroup, "a1").unwrap();
        assert!(!permissions.allows(SendToGroup, "a1") && permissions.allows(SendToGroup, "a2"), "{role}");
        permissions.grant(SendToGroup, "a1").unwrap();
        assert!(permissions.allows(SendToGroup, "a1"), "{role}");
        assert_eq!(permissions, before, "the opposite removes the rule instead of adding one");
    }
}

#[test]
fn grants_name_groups_literally() {
    let mut permissions = Permissions::default();
    permissions.grant(JoinLeaveGroup, "room.*").unwrap();
    assert!(permissions.allows(JoinLeaveGroup, "room.*"));
    assert!(!permissions.allows(JoinLeaveGroup, "room.1") && !permissions.allows(SendToGroup, "room.*"));
    permissions.revoke(JoinLeaveGroup, "room.*").unwrap();
    assert_eq!(permissions, Permissions::default());
}

#[test]
fn what_is_already_so_takes_no_room() {
    let mut permissions = with(&["webpubsub.sendToGroup"]);
    permissions.grant(SendToGroup, "a").unwrap();
    permissions.revoke(JoinLeaveGroup, "a").unwrap();
    assert_eq!(permissions, with(&["webpubsub.sendToGroup"]));
}

#[test]
fn one_name_too_many_is_refused_and_changes_nothing() {
    for (role, allowed) in [(None, true), (Some("webpubsub.sendToGroup"), false)] {
        let mut permissions = with(role.as_slice());
        let set = |permissions: &mut Permissions, group: &str, allowed: bool| {
            if allowed {
                permissions.grant(SendToGroup, group)
            } else {
                permissions.revoke(SendToGroup, group)
            }
        };
        for number in 0..LITERALS_MAX {
            set(&mut permissions, &format!("g{number}"), allowed).unwrap();
        }
        let full = permissions.clone();
        let limit = LimitReached { permission: SendToGroup };
        assert_eq!(set(&mut permissions, "one more", allowed), Err(limit));
        assert_eq!(permissions, full);
        assert!(limit.to_string().contains("limit of 1000 literal permissions for `sendToGroup`"));
        // What needs no further rule is still fine, and so is the other permission.
        assert_eq!(set(&mut permissions, "g1", allowed), Ok(()));
        assert_eq!(set(&mut permissions, "one more", !allowed), Ok(()));
        assert_eq!(permissions.grant(JoinLeaveGroup, "one more"), Ok(()));
        assert_eq!(set(&mut permissions, "g1", !allowed), Ok(()));
        assert_eq!(set(&mut permissions, "one more", allowed), Ok(()));
    }
}

#[test]
fn permissions_are_read_by_name_and_by_number() {
    for text in ["sendToGroup", "SENDTOGROUP", "sendtogroup", "1"] {
        assert_eq!(text.parse(), Ok(SendToGroup));
    }
    for text in ["joinLeaveGroup", "JoinLeaveGroup", "2"] {
        assert_eq!(text.parse(), Ok(JoinLeaveGroup));
    }
    for text in ["", "0", "3", "-1", "01", "+1", "sendToGroup,joinLeaveGroup", "1,2", "sendToGroups", " 1"] {
        assert_eq!(text.parse::<Permission>(), Err(PermissionError), "{text}");
    }
}

#[test]
fn an_idle_connection_pays_sixteen_bytes() {
    assert!(size_of::<Permissions>() <= 16);
}

proptest! {
    /// With literals only, the last word about a group is what counts, whatever came before.
    #[test]
    fn the_last_grant_or_revocation_decides(
        all: bool,
        changes in prop::collection::vec((any::<bool>(), "[abc]"), 0..30),
    ) {
        let mut permissions = with(if all { &["webpubsub.sendToGroup"] } else { &[] });
        for (allowed, group) in &changes {
            let changed = if *allowed {
                permissions.grant(SendToGroup, group)
            } else {
                permissions.revoke(SendToGroup, group)
            };
            prop_assert_eq!(changed, Ok(()));
            prop_assert_eq!(permissions.allows(SendToGroup, group), *allowed);
        }
        for group in ["a", "b", "c", "d"] {
            let last = changes.iter().rev().find(|(_, changed)| changed == group);
            prop_assert_eq!(permissions.allows(SendToGroup, group), last.map_or(all, |(allowed, _)| *allowed));
        }
    }

    /// The order in a token never matters.
    #[test]
    fn roles_in_any_order_allow_the_same(
        mut roles in prop::collection::vec("webpubsub\\.(sendToGroup|joinLeaveGroup)(s?\\.[ab?*]{1,3})?", 0..14),
    ) {
        let before = with(&roles.iter().map(String::as_str).collect::<Vec<_>>());
        roles.reverse();
        prop_assert_eq!(before, with(&roles.iter().map(String::as_str).collect::<Vec<_>>()));
    }
}
