//! Connections: where the server listens, how it accepts, what a connection may cost, and how it drains.
//!
//! A peer that has shown no credential must not be able to use up anything that others need, and neither must a caller what
//! other callers need. So each cost has a bound:
//!
//! | cost | bound |
//! |---|---|
//! | connections | their number is limited; at the limit one is closed that never had an authenticated request, after 2 s at least (4 ms for each that may be open, if that is less), or, if less than a quarter are such, one of the caller that has most, after a GOAWAY |
//! | requests whose answer is not sent yet | [`STREAMS`] on each connection; few once all connections together have many; `rpc::layer` has slots for those that are carried out |
//! | reading | 4 KiB of a connection, 256 bytes before its first authenticated request, then its task yields; it pauses while more than 128 streams are open |
//! | turns | 4 connections at a time, of all before their first authenticated request, and of each caller with more than 16 |
//! | streams that are reset, or have too much metadata | the connection is closed above 1,280 in 10 s |
//! | streams beyond [`STREAMS`] | the connection is closed above 1,024 (h2) |
//! | header fields that are kept for later requests | none, once the peer has acknowledged the SETTINGS; before, it may send 128 KiB up to the last header block |
//! | a frame, a header block | the connection is closed above 16 KiB, and above 32 KiB |
//! | these fields, and frames and header blocks that are not whole | what exceeds 16 KiB of a connection comes from a budget of all: when it is used up, whoever holds most, a caller or all that are none, loses the connection that has had a part for the longest |
//! | a connection that does not acknowledge the SETTINGS, answers no PING, or asks for nothing | closed: see [`Times`] |
//! | an answer that the peer does not read | the connection is closed after [`Times::unread`] |
//!
//! Bodies are read in `rpc::layer`, which knows who asks.

mod accept;
mod callers;
mod connection;
pub mod connections;
pub mod descriptors;
mod executor;
mod frame;
mod frames;
mod header_table;
mod http2;
mod io;
mod kept;
pub mod listen;
mod peer;
mod stream;
mod times;
mod turns;

pub use self::accept::{Service, accept};
pub use self::connection::{Connection, UnderWay};
pub use self::connections::Connections;
pub use self::http2::STREAMS;
pub use self::peer::Peer;
pub use self::stream::{Held, OpenEnded};
pub use self::times::Times;

#[cfg(test)]
mod tests;
