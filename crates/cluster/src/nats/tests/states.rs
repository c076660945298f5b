//! What a client says of itself in groups, and what it has been told of others there.

use std::collections::BTreeMap;

use super::client::GROUPS;

/// The states of a group's members as a client has been told them last, or that they have none.
type View = BTreeMap<String, Option<u64>>;

#[derive(Default)]
pub(super) struct States {
    /// What it has asked for and is not answered, by its ack id: it asks for one thing at a time.
    asked: Option<(u64, Asked)>,
    /// Its own state in each group, as it was acknowledged.
    pub(super) own: BTreeMap<usize, u64>,
    /// The groups that it is told of since its subscription was acknowledged. Nothing is known of one before a snapshot.
    pub(super) views: BTreeMap<usize, Option<View>>,
    values: u64,
}

#[derive(Clone, Copy)]
enum Asked {
    Set(usize, u64),
    Clear(usize),
    Subscribe(usize),
}

impl States {
    pub(super) fn is_content(&self) -> bool {
        self.asked.is_none()
    }

    /// Sets a state, to a value that it has not had; or clears one that it has.
    pub(super) fn set(&mut self, group: usize, clears: bool, ack: u64) -> String {
        self.values += 1;
        let clears = clears && self.own.contains_key(&group);
        let (asked, state) = if clears {
            (Asked::Clear(group), String::new())
        } else {
            (Asked::Set(group, self.values), format!(r#","state":{{"v":"{}"}}"#, self.values))
        };
        self.asked = Some((ack, asked));
        format!(r#"{{"type":"setGroupState","group":"{}","ackId":{ack}{state}}}"#, GROUPS[group])
    }

    pub(super) fn subscribe(&mut self, group: usize, ack: u64) -> String {
        self.asked = Some((ack, Asked::Subscribe(group)));
        format!(r#"{{"type":"subscribeGroupState","group":"{}","ackId":{ack}}}"#, GROUPS[group])
    }

    pub(super) fn acknowledged(&mut self, ack: u64) {
        match self.asked.take_if(|(asked, _)| *asked == ack) {
            Some((_, Asked::Set(group, value))) => drop(self.own.insert(group, value)),
            Some((_, Asked::Clear(group))) => drop(self.own.remove(&group)),
            Some((_, Asked::Subscribe(group))) => drop(self.views.entry(group).or_default()),
            None => {}
        }
    }

    /// Takes in a snapshot or an update; `false` if it is neither.
    pub(super) fn take(&mut self, text: &str) -> Result<bool, String> {
        let Some((_, report)) = text.split_once(r#""type":"groupState"#) else {
            return Ok(false);
        };
        let name = report.split_once(r#""group":""#).and_then(|(_, rest)| rest.split('"').next());
        let group = GROUPS.iter().position(|group| Some(*group) == name).ok_or("a report of no group")?;
        let view = self.views.entry(group).or_default();
        if report.starts_with("Snapshot") {
            *view = Some(View::new());
        }
        let view = view.as_mut().ok_or("an update before the first snapshot")?;
        for item in report.split(r#"{"connectionId":""#).skip(1) {
            let id = item.split('"').next().unwrap_or_default();
            let number = |before: &str| {
                let (_, rest) = item.split_once(before)?;
                rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok()
            };
            // While nodes come and go, what is known may be said again, and what was so before in front of that. The last word counts.
            view.insert(id.to_owned(), number(r#""v":""#));
        }
        Ok(true)
    }

    /// The states that it knows of in a group.
    pub(super) fn known(&self, group: usize) -> Option<BTreeMap<&str, u64>> {
        let view = self.views.get(&group)?.as_ref()?;
        Some(view.iter().filter_map(|(id, value)| Some((id.as_str(), (*value)?))).collect())
    }
}
