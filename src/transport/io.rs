//! A socket that reads no more than its connection may, limits header blocks, counts the memory that h2 keeps for what it
//! read, and tells its connection when the settings are acknowledged and when the peer does not read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::connection::Connection;
use super::frames::Frames;
use super::header_table::TableReset;
use super::kept::{KeptBytes, KeptShare};

/// A socket that is watched. It is read only by a task that refills the connection's read budget: TLS belongs below it.
pub(super) struct Watched<T> {
    socket: T,
    connection: Arc<Connection>,
    /// `None` once the update is passed on.
    table_reset: Option<Box<TableReset>>,
    frames: Frames,
    kept: KeptShare,
}

impl<T> Watched<T> {
    pub(super) fn new(socket: T, connection: Arc<Connection>, kept: Arc<KeptBytes>) -> Self {
        let table_reset = Some(Box::new(TableReset::new()));
        let kept = KeptShare::new(kept, connection.clone());
        Self { socket, connection, table_reset, frames: Frames::new(), kept }
    }
}

/// Reads some bytes, at most so many, and no more than the connection may in this turn.
pub(super) fn poll_some<T: AsyncRead + Unpin>(
    socket: &mut T,
    connection: &Connection,
    most: usize,
    cx: &mut Context<'_>,
    into: &mut ReadBuf<'_>,
) -> Poll<io::Result<usize>> {
    let budget = connection.read_budget();
    if budget == 0 {
        // Others have their turn first.
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    let before = into.filled().len();
    ready!(Pin::new(&mut socket.take(budget.min(most) as u64)).poll_read(cx, into))?;
    let read = into.filled().len() - before;
    connection.spend_read_budget(read);
    Poll::Ready(Ok(read))
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { socket, connection, table_reset, frames, kept } = &mut *self;
        if connection.poll_may_read(cx).is_pending() {
            return Poll::Pending;
        }
        let before = into.filled().len();
        match table_reset {
            Some(reset) => {
                ready!(reset.poll_read(socket, connection, cx, into))?;
                if reset.is_over() {
                    *table_reset = None;
                }
            }
            None => drop(ready!(poll_some(socket, connection, usize::MAX, cx, into))?),
        }
        frames.read(&into.filled()[before..])?;
        kept.set(frames.unfinished() + table_reset.as_ref().map_or(0, |reset| reset.kept()));
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> Watched<T> {
    fn noted<R>(&self, polled: Poll<R>) -> Poll<R> {
        self.connection.write_waits(polled.is_pending());
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write(cx, from);
        self.noted(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write_vectored(cx, from);
        self.noted(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
        self.connection.written();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
