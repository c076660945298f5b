use super::error::{ConfigError, Source};

/// A value, the setting that it is for, and where it came from: what an error about it must say.
#[derive(Debug, Clone)]
pub(super) struct Given<T> {
    pub(super) value: T,
    pub(super) setting: String,
    pub(super) source: Source,
}

impl<T> Given<T> {
    pub(super) fn error(&self, problem: impl Into<String>) -> ConfigError {
        ConfigError { source: self.source.clone(), setting: self.setting.clone(), problem: problem.into() }
    }

    /// Turns the value into what it stands for.
    pub(super) fn try_map<U, E: Into<String>>(
        &self,
        read: impl FnOnce(&T) -> Result<U, E>,
    ) -> Result<Given<U>, ConfigError> {
        let value = read(&self.value).map_err(|problem| self.error(problem))?;
        Ok(Given { value, setting: self.setting.clone(), source: self.source.clone() })
    }
}
