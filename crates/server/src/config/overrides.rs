use std::path::PathBuf;

/// What flags and environment variables say; they win over the file.
#[derive(Clone, Default)]
pub struct Overrides {
    /// `--listen`, `HUBWIRE_LISTEN`: address and port.
    pub listen: Option<String>,
    /// `--config`, `HUBWIRE_CONFIG`: the file with all other settings.
    pub config: Option<PathBuf>,
    /// `--access-key`, `HUBWIRE_ACCESS_KEY`.
    pub access_key: Option<String>,
    /// `--secondary-access-key`, `HUBWIRE_SECONDARY_ACCESS_KEY`.
    pub secondary_access_key: Option<String>,
    /// `--endpoint`, `HUBWIRE_ENDPOINT`: the public endpoint behind a proxy.
    pub endpoint: Option<String>,
    /// `--data-directory`, `HUBWIRE_DATA_DIRECTORY`: where events are kept that wait for event handlers.
    pub data_directory: Option<PathBuf>,
    /// `--workers`, `HUBWIRE_WORKERS`: threads; 0 is one per core.
    pub workers: Option<usize>,
}

impl std::fmt::Debug for Overrides {
    /// Keys stay out of whatever prints this.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Overrides")
            .field("listen", &self.listen)
            .field("config", &self.config)
            .field("endpoint", &self.endpoint)
            .field("data_directory", &self.data_directory)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}
