//! How bodies of events are read where services differ.

use serde::{Deserialize, Deserializer};

/// A member that is `null`, as services write what is not there, is as one that is missing.
pub(crate) fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
