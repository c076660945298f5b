//! What nodes say to each other, byte for byte; what a link survives; and whole clusters in courses that a seed decides.

mod bytes;
mod client;
mod courses;
mod deaths;
mod homes;
mod links;
mod log_bytes;
mod memory_streams;
mod mourner;
mod network;
mod node;
mod pieces;
mod registry;
mod seeds;
mod speaker;
mod states;
mod streamer;
mod takeover;
mod world;
mod writing;
