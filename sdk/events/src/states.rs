//! Connection states: `ce-connectionState` is opaque to the service. The official JavaScript and .NET middlewares keep a JSON object in it,
//! encoded in base64, and so does this crate, so that they can take turns.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// Reads what others write: padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What an application keeps with a connection, by name. Values are JSON.
///
/// Values stay exactly as they came, in the order in which they came, so that one application changes nothing of what another one set.
///
/// The service sends the states with every later event of the connection, in a header: keep them small (a few kilobytes), since HTTP servers
/// bound the size of headers.
#[derive(Clone, Default)]
pub struct States(Vec<(String, Box<RawValue>)>);

impl States {
    /// The value of a name; nothing if it was never set.
    ///
    /// # Errors
    /// If the value is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, serde_json::Error> {
        self.raw(name).map(|value| serde_json::from_str(value.get())).transpose()
    }

    /// The JSON of a name's value.
    pub fn raw(&self, name: &str) -> Option<&RawValue> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), &**value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a header says; nothing if it is not the base64 of a JSON object.
    ///
    /// As in the official JavaScript middleware, both alphabets of base64 are read, and characters of neither are skipped.
    pub(crate) fn decode(header: &str) -> Option<Self> {
        let digits: Vec<u8> = header.bytes().take_while(|&byte| byte != b'=').filter_map(digit).collect();
        let json = BASE64.decode(digits).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// The header that says it.
    pub(crate) fn encode(&self) -> String {
        // Texts and raw JSON are all there is in it, and neither fails to be written.
        BASE64.encode(serde_json::to_vec(self).unwrap_or_else(|_| b"{}".to_vec()))
    }

    fn set(&mut self, name: String, value: Box<RawValue>) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }
}

/// A digit of either alphabet, in the standard one.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        b'+' | b'/' => Some(byte),
        byte if byte.is_ascii_alphanumeric() => Some(byte),
        _ => None,
    }
}

impl fmt::Debug for States {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter().map(|(name, value)| (name, value.get()))).finish()
    }
}

impl Serialize for States {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for States {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = States;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<States, A::Error> {
                let mut states = States::default();
                // Whoever reaches the webhook may send very many names: a repeated one is not looked for name by name.
                let mut positions = HashMap::<String, usize>::new();
                while let Some((name, value)) = map.next_entry()? {
                    match positions.entry(name) {
                        Entry::Occupied(position) => states.0[*position.get()].1 = value,
                        Entry::Vacant(vacant) => {
                            states.0.push((vacant.key().clone(), value));
                            vacant.insert(states.0.len() - 1);
                        }
                    }
                }
                Ok(states)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// What an answer does to a connection's states. Those that it does not name stay.
#[derive(Debug, Clone, Default)]
pub(crate) struct StateChanges {
    cleared: bool,
    set: States,
}

impl StateChanges {
    pub(crate) fn set(&mut self, name: String, value: &impl Serialize) -> Result<(), serde_json::Error> {
        self.set.set(name, serde_json::value::to_raw_value(value)?);
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        *self = Self { cleared: true, set: States::default() };
    }

    /// The header to answer with; nothing if nothing changes.
    pub(crate) fn header(&self, before: &States) -> Option<String> {
        if !self.cleared && self.set.is_empty() {
            return None;
        }
        let mut after = if self.cleared { States::default() } else { before.clone() };
        for (name, value) in &self.set.0 {
            after.set(name.clone(), value.clone());
        }
        Some(after.encode())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn states(entries: &[(String, String)]) -> States {
        let mut changes = StateChanges::default();
        for (name, value) in entries {
            changes.set(name.clone(), value).unwrap();
        }
        States::decode(&changes.header(&States::default()).unwrap_or_default()).unwrap_or_default()
    }

    proptest! {
        #[test]
        fn states_come_back_as_they_were_set(entries in prop::collection::vec((".{0,8}", ".{0,8}"), 0..6)) {
            let states = states(&entries);
            for (name, _) in &entries {
                let last = entries.iter().rfind(|(other, _)| other == name).map(|(_, value)| value.clone());
                prop_assert_eq!(states.get::<String>(name).unwrap(), last);
            }
            prop_assert!(states.len() <= entries.len());
        }

        #[test]
        fn no_header_makes_reading_fail(header in ".*") {
            let _states = States::decode(&header);
        }

        #[test]
        fn what_is_read_is_written_as_it_was(numbers in prop::collection::vec(any::<f64>(), 0..6)) {
            let members: Vec<_> = numbers.iter().enumerate().map(|(n, number)| format!(r#""k{n}":[{number:e}]"#)).collect();
            let header = BASE64.encode(format!("{{{}}}", members.join(",")));
            prop_assert_eq!(States::decode(&header).unwrap().encode(), header);
        }
    }

    #[test]
    fn states_are_encoded_as_the_official_middlewares_encode_them() {
        // Buffer.from(JSON.stringify({ calledTime: 2, user: { name: "ü" } })).toString("base64")
        let header = "eyJjYWxsZWRUaW1lIjoyLCJ1c2VyIjp7Im5hbWUiOiLDvCJ9fQ==";
        let states = States::decode(header).unwrap();
        assert_eq!(states.get::<u64>("calledTime").unwrap(), Some(2));
        assert_eq!(states.raw("user").unwrap().get(), r#"{"name":"ü"}"#);
        assert_eq!(states.encode(), header);
        assert!(states.get::<bool>("calledTime").is_err());
    }

    #[test]
    fn of_a_repeated_name_the_last_value_counts_at_the_first_place() {
        let states = States::decode(&BASE64.encode(r#"{"a":1,"b":2,"a":3}"#)).unwrap();
        assert_eq!(states.encode(), BASE64.encode(r#"{"a":3,"b":2}"#));
    }

    #[test]
    fn other_ways_to_write_base64_are_read() {
        let json = r#"{"a":"???>>>"}"#;
        let standard = BASE64.encode(json);
        let url_safe = standard.replace('+', "-").replace('/', "_").replace('=', "");
        assert!(url_safe.contains(['-', '_']), "{url_safe}");
        for header in [standard.clone(), url_safe, format!(" {} {}\t", &standard[..3], &standard[3..])] {
            assert_eq!(States::decode(&header).unwrap().get::<String>("a").unwrap().unwrap(), "???>>>");
        }
    }

    #[test]
    fn what_is_not_an_object_is_no_state() {
        for json in ["", "null", "[]", "1", r#"{"a":}"#, "\u{fffd}"] {
            assert!(States::decode(&BASE64.encode(json)).is_none(), "{json}");
        }
    }

    #[test]
    fn changes_are_merged_over_what_was_there_and_clearing_removes_all() {
        let before = states(&[("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
        let mut changes = StateChanges::default();
        assert!(changes.header(&before).is_none());
        changes.set("a".to_owned(), &3).unwrap();
        let after = States::decode(&changes.header(&before).unwrap()).unwrap();
        assert_eq!(format!("{after:?}"), r#"{"a": "3", "b": "\"2\""}"#);
        changes.clear();
        assert_eq!(changes.header(&before).unwrap(), "e30=");
        changes.set("c".to_owned(), &true).unwrap();
        let after = States::decode(&changes.header(&before).unwrap()).unwrap();
        assert_eq!((after.len(), after.get::<bool>("c").unwrap()), (1, Some(true)));
    }
}
