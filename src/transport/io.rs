//! A socket that tells its connection when the preface has arrived and when the peer does not read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::Connection;

/// The length of the HTTP/2 connection preface, in bytes (RFC 9113, 3.4).
const PREFACE: usize = 24;

/// A socket that is watched.
pub(super) struct Watched<T> {
    socket: T,
    connection: Arc<Connection>,
    /// Bytes that have been read, as far as they matter.
    read: usize,
}

impl<T> Watched<T> {
    pub(super) fn new(socket: T, connection: Arc<Connection>) -> Self {
        Self { socket, connection, read: 0 }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.socket).poll_read(cx, into);
        if self.read < PREFACE {
            self.read += into.filled().len() - before;
            if self.read >= PREFACE {
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
