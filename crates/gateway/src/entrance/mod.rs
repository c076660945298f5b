//! Who may come in, from where, how many at a time, and how fast.

mod addresses;
mod census;
mod handshakes;
mod proxy_header;

pub use addresses::Addresses;
pub(crate) use census::{Census, Place, Wanted};
pub(crate) use handshakes::HandshakePaces;
pub(crate) use proxy_header::read_proxy_header;
