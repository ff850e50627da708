//! Makes every peer empty its HPACK dynamic table.
//!
//! h2 keeps `:path` and `:authority` in that table (RFC 7541, 2.3.2) as slices of read buffers, so an entry of 40 bytes may
//! hold 8 KiB for as long as the connection is open. The server announces a table of 0 bytes, but h2 removes entries only
//! when the peer's next header block says so (RFC 7541, 4.2). So a block of nothing but that dynamic table size update is
//! put in front of the first header block after the peer has acknowledged the SETTINGS. Most peers say it again then, and
//! none can leave it out. The bytes before the acknowledgement have a limit.

use std::io;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use super::connection::Connection;
use super::frame::{
    ACK, CONTINUATION, END_HEADERS, END_STREAM, HEAD, HEADERS, Head, PADDED, PREFACE, PRIORITY, SETTINGS,
};
use super::io::poll_some;

/// Bytes that a connection may send up to the end of its last header block before its acknowledgement.
const BEFORE_ACK_MAX: usize = 128 << 10;
/// The length of the priority fields of a HEADERS frame (RFC 9113, 6.2).
const PRIORITY_FIELDS: usize = 5;
/// The most that is held back: a frame's header, the length of its padding, and its priority fields.
const HELD_MAX: usize = HEAD + 1 + PRIORITY_FIELDS;
/// A dynamic table size update to 0 (RFC 7541, 6.3).
const NO_TABLE: u8 = 0x20;

/// Passes on the bytes of a peer, and puts the update into them.
pub(super) struct TableReset {
    /// Bytes to pass on as they come: the rest of the preface or of a payload.
    pass_through: usize,
    /// Bytes to drop after those: padding.
    drop: usize,
    /// Bytes held back until there are `wanted`.
    held: Vec<u8>,
    wanted: usize,
    /// Bytes that were read or made, to pass on before anything else is read.
    output: Vec<u8>,
    is_updated: bool,
    /// Bytes that came before the acknowledgement.
    early: usize,
    /// Of those, the bytes up to the end of the last header block.
    kept: usize,
    is_acknowledged: bool,
}

impl TableReset {
    pub(super) fn new() -> Self {
        Self {
            pass_through: PREFACE,
            drop: 0,
            held: Vec::new(),
            wanted: HEAD,
            output: Vec::new(),
            is_acknowledged: false,
            is_updated: false,
            early: 0,
            kept: 0,
        }
    }

    /// True once the update and the block after it are passed on: the socket is then read directly.
    pub(super) fn is_over(&self) -> bool {
        self.is_updated && self.output.is_empty() && self.pass_through == 0 && self.drop == 0
    }

    /// Bytes that entries of the peer's table may hold.
    pub(super) fn kept(&self) -> usize {
        self.kept
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
                self.early += read;
                return Poll::Ready(Ok(()));
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
                self.early += read;
                self.held.extend_from_slice(more.filled());
                if self.held.len() == self.wanted {
                    self.head(connection)?;
                }
            }
        }
        poll_some(socket, connection, usize::MAX, cx, into).map_ok(drop)
    }

    /// Handles what is held back: the header of a frame, perhaps with the fields before a header block.
    fn head(&mut self, connection: &Connection) -> io::Result<()> {
        let Some(head) = self.held.first_chunk().copied().map(Head::read) else { return Ok(()) };
        if head.kind == HEADERS && self.is_acknowledged {
            return self.update(head);
        }
        if head.kind == SETTINGS && head.flags & ACK != 0 {
            self.is_acknowledged = true;
            connection.settings_acknowledged();
        }
        if head.is_of_block() && !self.is_acknowledged {
            self.count(head.length)?;
        }
        self.pass_through = head.length;
        self.output = std::mem::take(&mut self.held);
        Ok(())
    }

    /// Puts the update in front of a header block, which becomes a CONTINUATION of it: there is always room for one. Padding
    /// and priority are left out: h2 makes no use of them, and ends a stream without reading its block for what is wrong
    /// with them.
    fn update(&mut self, head: Head) -> io::Result<()> {
        let Head { length, flags, .. } = head;
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
        self.output.extend(Head { length: 1, flags: flags & END_STREAM, ..head }.write());
        self.output.push(NO_TABLE);
        let (kind, flags) = (CONTINUATION, flags & END_HEADERS);
        self.output.extend(Head { length: block, kind, flags, ..head }.write());
        self.held.clear();
        self.pass_through = block;
        self.is_updated = true;
        self.kept = 0;
        Ok(())
    }

    /// Counts a header block before the acknowledgement, of which so many bytes are still to come, and all that came before
    /// it.
    ///
    /// # Errors
    /// There are too many.
    fn count(&mut self, to_come: usize) -> io::Result<()> {
        self.kept = self.early + to_come;
        if self.kept > BEFORE_ACK_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the SETTINGS are not acknowledged"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
