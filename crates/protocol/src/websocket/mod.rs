//! WebSocket frames (RFC 6455) as the service reads and writes them, without any socket.

mod close;
mod compression;
mod decode;
mod encode;
mod mask;
mod text;

pub use close::{CloseFrame, is_valid_close_code};
pub(crate) use compression::compress_head;
pub use compression::{Agreement, DeflateWindow, Deflater, Inflater, compress_frame, negotiate};
pub use decode::{DecodeError, Decoder, Frame, MessageKind, Payload};
pub use encode::{
    FRAME_HEADER_BYTES_MAX, FrameBuilder, Opcode, close_frame, control_frame, data_frame, write_frame_header,
};
