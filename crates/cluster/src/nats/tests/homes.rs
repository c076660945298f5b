//! Which states a home goes on keeping when nodes take other nodes for homes.

use std::collections::HashMap;
use std::sync::Arc;

use hubwire_hub::{Homes as _, Logged};
use hubwire_protocol::GroupName;

use super::client::hub;
use crate::hashing::Hashing;
use crate::memory::InterestTable;
use crate::nats::homes::NodeHomes;

const OWN: u32 = 1;
const OTHER: u32 = 2;
const STOPPED: u32 = 3;
const HEIR: u32 = 4;

/// This node is the home of all groups, as it sees that.
fn homes(viewer: Option<(u32, Vec<u32>)>, logged: bool) -> NodeHomes {
    NodeHomes {
        own: OWN,
        before: vec![OWN],
        now: vec![OWN],
        heirs: Arc::new(HashMap::from([(STOPPED, HEIR)])),
        void: None,
        forgetful: Vec::new(),
        viewer,
        viewless: Vec::new(),
        logged: Arc::new(Logged { others: logged, ..Logged::default() }),
        table: Arc::new(InterestTable::new(Hashing::shared("test"))),
    }
}

#[test]
fn a_home_keeps_what_it_was_told_by_who_still_takes_it_for_the_home() {
    let group = GroupName::parse("g").unwrap();
    let keeps = |viewer, teller| homes(viewer, false).keeps(&hub(), &group, teller);
    assert!(keeps(None, 0) && keeps(None, OTHER) && keeps(None, STOPPED));
    assert!(!keeps(Some((OTHER, vec![OTHER])), OTHER), "it tells another home");
    assert!(keeps(Some((OTHER, vec![OWN])), OTHER) && keeps(Some((OTHER, vec![OTHER])), HEIR));
}

#[test]
fn whose_sessions_another_node_has_is_told_of_by_that_one() {
    let group = GroupName::parse("g").unwrap();
    let keeps = |logged| homes(Some((HEIR, vec![HEIR])), logged).keeps(&hub(), &group, STOPPED);
    assert!(!keeps(false), "its heir tells another home");
    assert!(keeps(true), "who takes sessions of a hub with a log tells of them itself");
}
