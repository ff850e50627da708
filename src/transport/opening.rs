//! The beginning of what a peer sends, until no entry of its table of header fields is kept any more.
//!
//! h2 keeps `:path` and `:authority` in the table (RFC 7541, 2.3.2) as slices of the 8 KiB into which they were read, so
//! that each entry of 40 bytes may hold 8 KiB for as long as the connection is open. The server therefore announces a table
//! of 0 bytes. A peer that acknowledges that has to say so in its next header block (RFC 7541, 4.2), and h2 goes by what the
//! peer says. So the dynamic table size update is added here to that block: most peers say it twice then, and nobody can
//! leave it out. What a peer sends before it acknowledges has a bound.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::Connection;
use super::io::poll_some;

/// Bytes that a connection may send before it acknowledges the settings.
const EARLY_MAX: usize = 128 << 10;
/// How many of those are not counted in [`EARLY_OF_ALL`].
const EARLY_FREE: usize = 16 << 10;
/// Such bytes of all connections at most.
const EARLY_OF_ALL: usize = 16 << 20;

/// The length of the HTTP/2 connection preface, in bytes (RFC 9113, 3.4).
const PREFACE: usize = 24;
/// The length of a frame's header (RFC 9113, 4.1).
const HEAD: usize = 9;
/// The largest payload of a frame that the server takes (RFC 9113, 4.2).
const PAYLOAD_MAX: usize = 16 << 10;
/// Types of frames, and their flags (RFC 9113, 6.2 and 6.5).
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const ACK: u8 = 1;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;
/// A dynamic table size update to 0 (RFC 7541, 6.3).
const NO_TABLE: u8 = 0x20;

/// The budget that all connections share before they have acknowledged the settings: a permit is a byte.
pub(super) fn early() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(EARLY_OF_ALL))
}

/// The beginning of a connection.
pub(super) struct Opening {
    /// Bytes to pass on as they come: the rest of the preface or of a payload.
    pass: usize,
    /// Bytes held back until there are `wanted`: the header of a frame, and what precedes its header block.
    held: Vec<u8>,
    wanted: usize,
    /// Bytes to pass on before anything else is read.
    ready: Vec<u8>,
    is_acknowledged: bool,
    is_over: bool,
    /// Bytes that came before the acknowledgement.
    sent: usize,
    early: Arc<Semaphore>,
    spent: Option<OwnedSemaphorePermit>,
}

impl Opening {
    pub(super) fn new(early: Arc<Semaphore>) -> Self {
        Self {
            pass: PREFACE,
            held: Vec::new(),
            wanted: HEAD,
            ready: Vec::new(),
            is_acknowledged: false,
            is_over: false,
            sent: 0,
            early,
            spent: None,
        }
    }

    /// Whether all that follows is passed on as it comes.
    pub(super) fn is_over(&self) -> bool {
        self.is_over && self.ready.is_empty()
    }

    /// Reads as a socket does.
    pub(super) fn poll_read<T: AsyncRead + Unpin>(
        &mut self,
        socket: &mut T,
        connection: &Connection,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if !self.ready.is_empty() {
                let length = self.ready.len().min(into.remaining());
                into.put_slice(&self.ready[..length]);
                self.ready.drain(..length);
                return Poll::Ready(Ok(()));
            }
            if self.pass > 0 {
                let read = ready!(poll_some(socket, connection, self.pass, cx, into))?;
                self.pass -= read;
                return Poll::Ready(self.count(read));
            }
            let mut more = [0; HEAD];
            let mut more = ReadBuf::new(&mut more[..self.wanted - self.held.len()]);
            let read = ready!(poll_some(socket, connection, usize::MAX, cx, &mut more))?;
            self.count(read)?;
            self.held.extend_from_slice(more.filled());
            if read == 0 {
                if self.held.is_empty() {
                    return Poll::Ready(Ok(()));
                }
                // Ended within a frame.
                self.ready = std::mem::take(&mut self.held);
            } else if self.held.len() == self.wanted {
                self.decide(connection)?;
            }
        }
    }

    /// Decides on what was held back.
    fn decide(&mut self, connection: &Connection) -> io::Result<()> {
        let [high, middle, low, kind, flags, ..] = self.held[..] else { return Ok(()) };
        let length = u32::from_be_bytes([0, high, middle, low]);
        let before_block = match (kind, self.is_acknowledged) {
            (HEADERS, true) => usize::from(flags & PADDED != 0) + if flags & PRIORITY != 0 { 5 } else { 0 },
            _ => 0,
        };
        if self.held.len() < HEAD + before_block && length as usize >= before_block {
            self.wanted = HEAD + before_block;
            return Ok(());
        }
        self.pass = length as usize - (self.held.len() - HEAD);
        if (kind, self.is_acknowledged) == (HEADERS, true) && length as usize >= before_block {
            if length as usize >= PAYLOAD_MAX {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the first header block is too large",
                ));
            }
            self.held[..3].copy_from_slice(&(length + 1).to_be_bytes()[1..]);
            self.held.push(NO_TABLE);
            self.is_over = true;
        }
        if kind == SETTINGS && flags & ACK != 0 {
            self.is_acknowledged = true;
            connection.settings_acknowledged();
        }
        self.ready = std::mem::take(&mut self.held);
        self.wanted = HEAD;
        Ok(())
    }

    /// Counts bytes that came.
    fn count(&mut self, bytes: usize) -> io::Result<()> {
        if self.is_acknowledged {
            return Ok(());
        }
        let counted = self.sent.max(EARLY_FREE);
        self.sent += bytes;
        let more = u32::try_from(self.sent.saturating_sub(counted)).unwrap_or(u32::MAX);
        if more == 0 {
            return Ok(());
        }
        let permit = self.early.clone().try_acquire_many_owned(more);
        match (permit, &mut self.spent) {
            (Ok(permit), Some(spent)) if self.sent <= EARLY_MAX => spent.merge(permit),
            (Ok(permit), spent @ None) if self.sent <= EARLY_MAX => *spent = Some(permit),
            _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "the settings are not acknowledged")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
