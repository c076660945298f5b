/// Why spans cannot be exported at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The exporter cannot be made of its settings, such as a URL that is none.
    #[error("{0}")]
    Exporter(String),
}
