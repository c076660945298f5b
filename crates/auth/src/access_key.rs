use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

/// The key of a service that was given none: the public default of the vendor's own emulator, so that samples work unchanged.
///
/// Everybody knows it, so it must never guard an address that others can reach.
pub const DEVELOPMENT_KEY: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH";

/// The shortest key, in UTF-8 bytes: HS256 wants 256 bits, and libraries of official clients refuse less.
pub const ACCESS_KEY_BYTES_MIN: usize = 32;

/// The longest key, in UTF-8 bytes. Generated keys have 44 to 88; this only keeps a misplaced file out of every signature.
pub const ACCESS_KEY_BYTES_MAX: usize = 4096;

/// A text that cannot be an access key. The text itself is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessKeyError {
    /// Fewer bytes than [`ACCESS_KEY_BYTES_MIN`].
    #[error("the access key is shorter than {ACCESS_KEY_BYTES_MIN} bytes")]
    TooShort,
    /// More bytes than [`ACCESS_KEY_BYTES_MAX`].
    #[error("the access key is longer than {ACCESS_KEY_BYTES_MAX} bytes")]
    TooLong,
    /// A semicolon, which ends a value in a connection string.
    #[error("the access key contains a semicolon")]
    Semicolon,
    /// A control character, which no configuration carries on purpose.
    #[error("the access key contains a control character")]
    ControlCharacter,
    /// White space at either end, nearly always left over from copying.
    #[error("the access key begins or ends with white space")]
    OuterWhiteSpace,
}

/// A shared secret: its UTF-8 bytes, not anything decoded from them, are the key of every signature.
#[derive(Clone)]
pub struct AccessKey(Arc<str>);

impl AccessKey {
    /// Checks a key by the rules of the service.
    ///
    /// # Errors
    /// [`AccessKeyError`] with the first rule that the text breaks.
    pub fn new(text: impl Into<String>) -> Result<Self, AccessKeyError> {
        let text = text.into();
        if text.trim() != text {
            return Err(AccessKeyError::OuterWhiteSpace);
        }
        if text.contains(';') {
            return Err(AccessKeyError::Semicolon);
        }
        if text.chars().any(char::is_control) {
            return Err(AccessKeyError::ControlCharacter);
        }
        if text.len() < ACCESS_KEY_BYTES_MIN {
            return Err(AccessKeyError::TooShort);
        }
        if text.len() > ACCESS_KEY_BYTES_MAX {
            return Err(AccessKeyError::TooLong);
        }
        Ok(Self(text.into()))
    }

    /// The secret itself, named so that every use of it stands out.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether this is the [`DEVELOPMENT_KEY`] that everybody knows.
    pub fn is_development(&self) -> bool {
        &*self.0 == DEVELOPMENT_KEY
    }
}

/// Compares in a time that depends on the lengths alone, so that a caller cannot feel its way to a key.
impl PartialEq for AccessKey {
    fn eq(&self, other: &Self) -> bool {
        let pairs = self.0.bytes().zip(other.0.bytes());
        let difference = pairs.fold(0, |seen, (ours, theirs)| black_box(seen | (ours ^ theirs)));
        self.0.len() == other.0.len() && difference == 0
    }
}

impl Eq for AccessKey {}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(redacted)")
    }
}

/// The keys that are valid at one moment. Both sign and both are accepted, so that one can be replaced while the other works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKeys {
    /// The key that new tokens are signed with.
    pub primary: AccessKey,
    /// The other key of a rotation.
    pub secondary: Option<AccessKey>,
}

impl AccessKeys {
    /// The keys in the order in which a signature is tried.
    pub fn iter(&self) -> impl Iterator<Item = &AccessKey> {
        std::iter::once(&self.primary).chain(&self.secondary)
    }
}
