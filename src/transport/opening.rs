//! Makes every peer empty its HPACK dynamic table.
//!
//! h2 keeps `:path` and `:authority` in that table (RFC 7541, 2.3.2) as slices of read buffers, so an entry of 40 bytes may
//! hold 8 KiB for as long as the connection is open. The server announces a table of 0 bytes, but h2 removes entries only
//! when the peer's next header block says so (RFC 7541, 4.2). So a block of nothing but that dynamic table size update is
//! put in front of the first header block after the peer has acknowledged the SETTINGS. Most peers say it again then, and
//! none can leave it out. The bytes before the acknowledgement have a limit.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::Connection;
use super::io::poll_some;

/// Bytes that a connection may send before its acknowledgement.
const BEFORE_ACK_MAX: usize = 128 << 10;
/// Bytes of those that need no permit.
const BEFORE_ACK_FREE: usize = 16 << 10;
/// Permits for all connections together, one a byte.
const BEFORE_ACK_BUDGET: usize = 16 << 20;

/// The length of the HTTP/2 connection preface, in bytes (RFC 9113, 3.4).
const PREFACE: usize = 24;
/// The length of a frame's header (RFC 9113, 4.1).
const HEAD: usize = 9;
/// The length of the priority fields of a HEADERS frame (RFC 9113, 6.2).
const PRIORITY_FIELDS: usize = 5;
/// The most that is held back: a frame's header, the length of its padding, and its priority fields.
const HELD_MAX: usize = HEAD + 1 + PRIORITY_FIELDS;

/// Types of frames (RFC 9113, 6).
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
/// Flags of frames.
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;
/// A dynamic table size update to 0 (RFC 7541, 6.3).
const NO_TABLE: u8 = 0x20;

/// The permits for bytes before the acknowledgement.
pub(super) fn budget() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(BEFORE_ACK_BUDGET))
}

/// Passes on the bytes of a peer, and puts the update into them.
pub(super) struct Opening {
    /// Bytes to pass on as they come: the rest of the preface or of a payload.
    pass_through: usize,
    /// Bytes to drop after those: padding.
    drop: usize,
    /// Bytes held back until there are `wanted`.
    held: Vec<u8>,
    wanted: usize,
    /// Bytes that were read or made, to pass on before anything else is read.
    output: Vec<u8>,
    is_acknowledged: bool,
    is_updated: bool,
    /// Bytes that came before the acknowledgement.
    before_ack: usize,
    budget: Arc<Semaphore>,
    permits: Option<OwnedSemaphorePermit>,
}

impl Opening {
    pub(super) fn new(budget: Arc<Semaphore>) -> Self {
        Self {
            pass_through: PREFACE,
            drop: 0,
            held: Vec::new(),
            wanted: HEAD,
            output: Vec::new(),
            is_acknowledged: false,
            is_updated: false,
            before_ack: 0,
            budget,
            permits: None,
        }
    }

    /// True once the update and the block after it are passed on: the socket is then read directly.
    pub(super) fn is_over(&self) -> bool {
        self.is_updated && self.output.is_empty() && self.pass_through == 0 && self.drop == 0
    }

    /// Reads as a socket does.
    pub(super) fn poll_read<T: AsyncRead + Unpin>(
        &mut self,
        socket: &mut T,
        connection: &Connection,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_over() {
            if !self.output.is_empty() {
                let length = self.output.len().min(into.remaining());
                into.put_slice(&self.output[..length]);
                self.output.drain(..length);
                return Poll::Ready(Ok(()));
            }
            if self.pass_through > 0 {
                let read = ready!(poll_some(socket, connection, self.pass_through, cx, into))?;
                self.pass_through -= read;
                return Poll::Ready(self.count(read));
            }
            let mut more = [0; HELD_MAX];
            let wanted = if self.drop > 0 { self.drop } else { self.wanted - self.held.len() };
            let mut more = ReadBuf::new(&mut more[..wanted.min(HELD_MAX)]);
            let read = ready!(poll_some(socket, connection, usize::MAX, cx, &mut more))?;
            if read == 0 {
                // The peer has ended, perhaps within a frame.
                self.output = std::mem::take(&mut self.held);
                self.wanted = HEAD;
                if self.output.is_empty() {
                    return Poll::Ready(Ok(()));
                }
            } else if self.drop > 0 {
                self.drop -= read;
            } else {
                self.count(read)?;
                self.held.extend_from_slice(more.filled());
                if self.held.len() == self.wanted {
                    self.head(connection)?;
                }
            }
        }
        poll_some(socket, connection, usize::MAX, cx, into).map_ok(drop)
    }

    /// Handles the header of a frame, which is held back, or that and what precedes a header block.
    fn head(&mut self, connection: &Connection) -> io::Result<()> {
        let [high, middle, low, kind, flags, ..] = self.held[..] else { return Ok(()) };
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        if kind == HEADERS && self.is_acknowledged {
            return self.update(length, flags, connection);
        }
        if kind == SETTINGS && flags & ACK != 0 {
            self.is_acknowledged = true;
            if self.permits.is_none() {
                connection.settings_acknowledged();
            }
        }
        self.pass_through = length;
        self.output = std::mem::take(&mut self.held);
        Ok(())
    }

    /// Puts the update in front of a header block, which becomes a CONTINUATION of it: there is always room for one. Padding
    /// and priority are left out: h2 makes no use of them, and ends a stream without reading its block for what is wrong
    /// with them.
    fn update(&mut self, length: usize, flags: u8, connection: &Connection) -> io::Result<()> {
        let padding = usize::from(flags & PADDED != 0);
        let before_block = padding + if flags & PRIORITY == 0 { 0 } else { PRIORITY_FIELDS };
        if self.held.len() < HEAD + before_block {
            self.wanted = HEAD + before_block;
            return Ok(());
        }
        self.drop = if padding == 0 { 0 } else { usize::from(self.held[HEAD]) };
        let Some(block) = length.checked_sub(before_block + self.drop) else {
            let problem = "a header block is shorter than what precedes and follows it";
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        };
        let stream: [u8; 4] = [self.held[5], self.held[6], self.held[7], self.held[8]];
        self.output.extend(frame_head(1, HEADERS, flags & END_STREAM, stream));
        self.output.push(NO_TABLE);
        self.output.extend(frame_head(block, CONTINUATION, flags & END_HEADERS, stream));
        self.held.clear();
        self.pass_through = block;
        self.is_updated = true;
        self.permits = None;
        connection.settings_acknowledged();
        Ok(())
    }

    /// Counts bytes that came before the acknowledgement.
    ///
    /// # Errors
    /// The limits are exceeded.
    fn count(&mut self, bytes: usize) -> io::Result<()> {
        if self.is_acknowledged {
            return Ok(());
        }
        let counted = self.before_ack.max(BEFORE_ACK_FREE);
        self.before_ack += bytes;
        let more = u32::try_from(self.before_ack.saturating_sub(counted)).unwrap_or(u32::MAX);
        if more == 0 {
            return Ok(());
        }
        let permit = self.budget.clone().try_acquire_many_owned(more);
        let (true, Ok(permit)) = (self.before_ack <= BEFORE_ACK_MAX, permit) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the SETTINGS are not acknowledged"));
        };
        match &mut self.permits {
            Some(permits) => permits.merge(permit),
            none => *none = Some(permit),
        }
        Ok(())
    }
}

/// The header of a frame. No payload is larger than the three bytes of its length allow.
fn frame_head(length: usize, kind: u8, flags: u8, stream: [u8; 4]) -> Vec<u8> {
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [&length[1..], &[kind, flags], &stream].concat()
}

#[cfg(test)]
mod tests;
