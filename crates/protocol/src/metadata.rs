/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 256;
/// The longest value, in bytes.
const VALUE_BYTES_MAX: usize = 1024;
/// All keys and values together, in bytes.
const TOTAL_BYTES_MAX: usize = 8192;

/// Names and values that a sender attaches to a message; recipients of the JSON and protobuf protocols see them.
///
/// Keys are HTTP token characters and at most 256 bytes, values ASCII and at most 1024 bytes, everything together at most 8192 bytes.
/// Entries keep the order and the spelling in which they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata(Vec<(Box<str>, Box<str>)>);

/// Why metadata is refused. The text is the one that REST callers are shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// A key is empty or has a character that an HTTP header name cannot have.
    #[error("Metadata key '{0}' contains invalid characters.")]
    KeyCharacters(String),
    /// A value has a character beyond ASCII.
    #[error("Metadata value for key '{0}' must be ASCII.")]
    ValueCharacters(String),
    /// A key is longer than 256 bytes.
    #[error("Metadata key '{0}' exceeds 256 bytes.")]
    KeyTooLong(String),
    /// A value is longer than 1024 bytes.
    #[error("Metadata value for key '{0}' exceeds 1024 bytes.")]
    ValueTooLong(String),
    /// Keys and values together exceed 8192 bytes.
    #[error("Metadata exceeds 8192 bytes.")]
    TooLarge,
    /// The same key stands twice.
    #[error("Metadata key '{0}' is duplicated.")]
    Duplicate(String),
}

impl Metadata {
    /// Checks entries and keeps them.
    ///
    /// # Errors
    /// [`MetadataError`] for the first rule that an entry breaks.
    pub fn new<K, V>(entries: impl IntoIterator<Item = (K, V)>) -> Result<Self, MetadataError>
    where
        K: Into<Box<str>>,
        V: Into<Box<str>>,
    {
        let mut metadata = Self::default();
        let mut total = 0;
        for (key, value) in entries {
            let (key, value) = (key.into(), value.into());
            check(&key, &value)?;
            total += key.len() + value.len();
            // The total bounds the entries, so that the search for a duplicate stays short.
            if total > TOTAL_BYTES_MAX {
                return Err(MetadataError::TooLarge);
            }
            if metadata.iter().any(|(known, _)| known == &*key) {
                return Err(MetadataError::Duplicate(key.into()));
            }
            metadata.0.push((key, value));
        }
        Ok(metadata)
    }

    /// The entries in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

fn check(key: &str, value: &str) -> Result<(), MetadataError> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if key.is_empty() || !key.bytes().all(token) {
        return Err(MetadataError::KeyCharacters(key.into()));
    }
    if !value.is_ascii() {
        return Err(MetadataError::ValueCharacters(key.into()));
    }
    if key.len() > KEY_BYTES_MAX {
        return Err(MetadataError::KeyTooLong(key.into()));
    }
    if value.len() > VALUE_BYTES_MAX {
        return Err(MetadataError::ValueTooLong(key.into()));
    }
    Ok(())
}
