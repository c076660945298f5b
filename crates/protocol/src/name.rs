use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The longest hub name, in characters.
const HUB_LENGTH_MAX: usize = 128;
/// The longest group name, in UTF-16 code units, as the service counts them.
const GROUP_LENGTH_MAX: usize = 1024;
/// The longest event name, in characters.
const EVENT_LENGTH_MAX: usize = 128;

/// A name that breaks the rules of its kind. The text is the one that REST callers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Not a letter followed by at most 127 letters, digits, or one of ``_ ` , . [ ]``.
    #[error("Invalid hub name.")]
    Hub,
    /// Empty, only white space, or longer than 1024 UTF-16 code units.
    #[error("Invalid group name.")]
    Group,
    /// Empty or only white space.
    #[error("Invalid user ID.")]
    User,
    /// Not a letter followed by at most 127 letters, digits, or one of `_ . -`.
    #[error("Invalid event name.")]
    Event,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

name! {
    /// The name of a hub: case-insensitive, kept in lower case.
    HubName
}
name! {
    /// The name of a group: case-sensitive, outer spaces significant.
    GroupName
}
name! {
    /// The identity that an application gave to a client: case-sensitive. A token may carry an empty one.
    UserId
}
name! {
    /// The name of a user event, spelled as its sender wrote it.
    EventName
}

impl HubName {
    /// Checks and lower-cases a hub name.
    ///
    /// # Errors
    /// [`NameError::Hub`] if the name breaks the rule of hub names.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let mut bytes = text.bytes();
        let starts = bytes.next().is_some_and(|first| first.is_ascii_alphabetic());
        let follows = bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_`,.[]".contains(&byte));
        if !starts || !follows || text.len() > HUB_LENGTH_MAX {
            return Err(NameError::Hub);
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }
}

impl GroupName {
    /// Checks a group name.
    ///
    /// # Errors
    /// [`NameError::Group`] if it is empty, blank or too long.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let blank = text.chars().all(char::is_whitespace);
        // A UTF-16 unit never takes less than one byte, so short names need no counting.
        let long = text.len() > GROUP_LENGTH_MAX && text.encode_utf16().count() > GROUP_LENGTH_MAX;
        if blank || long {
            return Err(NameError::Group);
        }
        Ok(Self(text.into()))
    }
}

impl UserId {
    /// Takes a user id from a token, where any text counts, the empty one included.
    pub fn from_token(text: &str) -> Self {
        Self(text.into())
    }

    /// Checks a user id that a REST caller addresses.
    ///
    /// # Errors
    /// [`NameError::User`] if it is empty or blank.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.chars().all(char::is_whitespace) {
            return Err(NameError::User);
        }
        Ok(Self(text.into()))
    }
}

impl EventName {
    /// The event that every message of a simple client is: `message`.
    pub fn of_simple_clients() -> Self {
        Self("message".into())
    }

    /// Checks an event name.
    ///
    /// # Errors
    /// [`NameError::Event`] if it breaks the rule of event names.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let mut bytes = text.bytes();
        let starts = bytes.next().is_some_and(|first| first.is_ascii_alphabetic());
        let follows = bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        if !starts || !follows || text.len() > EVENT_LENGTH_MAX {
            return Err(NameError::Event);
        }
        Ok(Self(text.into()))
    }
}
