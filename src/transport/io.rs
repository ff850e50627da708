//! A socket that reads no more than its connection may, and tells it when the preface has arrived and when the peer does
//! not read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::connection::Connection;

/// The length of the HTTP/2 connection preface, in bytes (RFC 9113, 3.4).
const PREFACE: usize = 24;

/// A socket that is watched. It is read only by a task that refills the connection's read budget: TLS belongs below it.
pub(super) struct Watched<T> {
    socket: T,
    connection: Arc<Connection>,
    /// Bytes of the preface that have been read.
    preface: usize,
}

impl<T> Watched<T> {
    pub(super) fn new(socket: T, connection: Arc<Connection>) -> Self {
        Self { socket, connection, preface: 0 }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.connection.poll_may_read(cx).is_pending() {
            return Poll::Pending;
        }
        let budget = self.connection.read_budget();
        if budget == 0 {
            // Others have their turn first.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = into.filled().len();
        let polled = Pin::new(&mut (&mut self.socket).take(budget as u64)).poll_read(cx, into);
        let read = into.filled().len() - before;
        self.connection.spend_read_budget(read);
        if self.preface < PREFACE {
            self.preface += read;
            if self.preface >= PREFACE {
                self.connection.preface_arrived();
            }
        }
        polled
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
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
