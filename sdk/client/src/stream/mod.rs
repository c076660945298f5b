//! Group streams: ordered sequences of messages that belong together.

mod reader;
mod writer;

pub(crate) use reader::Readers;
pub use reader::{GroupStream, GroupStreams, GroupStreamsOptions};
pub use writer::GroupStreamWriter;
