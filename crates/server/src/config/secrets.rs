use hubwire_upstream::Secret;
use toml::Spanned;

use super::error::ConfigError;
use super::file::{File, SecretPlace, SecretTable};

/// The largest secret, in bytes; a larger file was not meant.
const SECRET_BYTES_MAX: usize = 64 << 10;

/// Reads a secret: from the setting itself, from a file, or from an environment variable. White space at the end of a file is not part of it.
pub(super) fn secret(
    file: &File,
    setting: &str,
    given: &Spanned<SecretTable>,
) -> Result<Secret, ConfigError> {
    let wrong = |problem: String| ConfigError {
        source: file.source_at(given.span().start),
        setting: setting.to_owned(),
        problem,
    };
    let text = match given.get_ref() {
        SecretTable::Here(text) => text.clone(),
        SecretTable::Elsewhere(SecretPlace { file: Some(path), env: None }) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| wrong(format!("{} cannot be read: {error}", path.display())))?;
            file.secret_files.borrow_mut().push(path.clone());
            text.trim_end().to_owned()
        }
        SecretTable::Elsewhere(SecretPlace { file: None, env: Some(name) }) => std::env::var(name)
            .map_err(|_| wrong(format!("the environment variable {name} is not set, or is no text")))?,
        SecretTable::Elsewhere(_) => {
            return Err(wrong("exactly one of `file` and `env` says where the secret is".to_owned()));
        }
    };
    if text.is_empty() {
        return Err(wrong("the secret is empty".to_owned()));
    }
    if text.len() > SECRET_BYTES_MAX {
        return Err(wrong(format!("the secret is longer than {SECRET_BYTES_MAX} bytes")));
    }
    Ok(Secret::new(text))
}
