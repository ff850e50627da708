//! A raw HTTP/2 connection, which keeps to flow control and the announced number of streams as far as its user
//! wants.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::wire::{self, CANCEL, FRAME_MAX, Frame, PREFACE, flag, kind, setting};

/// Streams at most on a connection, where the server announces no number.
const UNANNOUNCED: usize = 200;
/// The window of a stream and of a connection at the start (RFC 9113, 6.9.2).
const WINDOW: i64 = 65_535;

/// The receive buffer of a narrow connection, in bytes: the least that Linux allows is a little less.
const NARROW: u32 = 4 << 10;

/// What is attacked.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// The token of a caller with the role `verify`.
    pub(super) reader: Arc<str>,
    /// The token of a caller with the role `audit`.
    pub(super) auditor: Arc<str>,
    /// What was done to it.
    pub(super) tally: Arc<Tally>,
}

/// What attackers did.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) connections: AtomicUsize,
    pub(super) streams: AtomicUsize,
    pub(super) bytes: AtomicUsize,
}

impl Target {
    /// Opens a TCP connection.
    pub(super) async fn connect(&self) -> io::Result<TcpStream> {
        let socket = TcpStream::connect(self.address).await?;
        self.tally.connections.fetch_add(1, Ordering::Relaxed);
        Ok(socket)
    }

    /// Opens a TCP connection on which little can be sent to this side before it reads.
    pub(super) async fn connect_narrow(&self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(NARROW)?;
        let socket = socket.connect(self.address).await?;
        self.tally.connections.fetch_add(1, Ordering::Relaxed);
        Ok(socket)
    }
}

/// A connection.
pub(super) struct Connection {
    reading: OwnedReadHalf,
    writing: OwnedWriteHalf,
    inbox: Vec<u8>,
    tally: Arc<Tally>,
    next: u32,
    window: i64,
    stream_window: i64,
    streams_most: usize,
    streams: BTreeMap<u32, Stream>,
}

/// A stream that is open.
struct Stream {
    window: i64,
    /// Whether this side has sent its end.
    is_sent: bool,
}

impl Connection {
    /// Connects, sends the preface and these settings, and waits for those of the server.
    pub(super) async fn open(target: &Target, settings: &[(u16, u32)]) -> io::Result<Self> {
        Self::over(target.connect().await?, target, settings).await
    }

    /// The same over a socket that is connected.
    pub(super) async fn over(
        socket: TcpStream,
        target: &Target,
        settings: &[(u16, u32)],
    ) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        let (reading, writing) = socket.into_split();
        let mut connection = Self {
            reading,
            writing,
            inbox: Vec::new(),
            tally: target.tally.clone(),
            next: 1,
            window: WINDOW,
            stream_window: WINDOW,
            streams_most: UNANNOUNCED,
            streams: BTreeMap::new(),
        };
        connection.write(&[PREFACE, &wire::settings(settings)].concat()).await?;
        loop {
            let frame = connection.next_frame().await?;
            let is_settings = frame.kind == kind::SETTINGS && frame.flags & flag::ACK == 0;
            connection.handle(&frame).await?;
            if is_settings {
                return Ok(connection);
            }
        }
    }

    /// How many streams may still be opened.
    pub(super) fn room(&self) -> usize {
        self.streams_most.saturating_sub(self.streams.len())
    }

    /// The streams that are open.
    pub(super) fn open_streams(&self) -> Vec<u32> {
        self.streams.keys().copied().collect()
    }

    /// Whether a stream is open.
    pub(super) fn is_open(&self, stream: u32) -> bool {
        self.streams.contains_key(&stream)
    }

    /// Opens a stream with these headers.
    pub(super) async fn request(&mut self, headers: &[u8], is_end: bool) -> io::Result<u32> {
        let stream = self.number()?;
        let flags = flag::END_HEADERS | if is_end { flag::END_STREAM } else { 0 };
        self.streams.insert(stream, Stream { window: self.stream_window, is_sent: is_end });
        self.write(&wire::frame(kind::HEADERS, flags, stream, headers)).await?;
        Ok(stream)
    }

    /// Sends the beginning of a body, as much as the windows allow, and the end of the stream if all of it is sent.
    /// Gives how much was sent.
    pub(super) async fn data(&mut self, stream: u32, body: &[u8], is_end: bool) -> io::Result<usize> {
        let Some(open) = self.streams.get_mut(&stream) else { return Ok(0) };
        let allowed = usize::try_from(open.window.min(self.window)).unwrap_or(0);
        let length = body.len().min(allowed).min(FRAME_MAX);
        let ends = is_end && length == body.len();
        if length == 0 && !ends {
            return Ok(0);
        }
        open.is_sent |= ends;
        open.window -= length as i64;
        self.window -= length as i64;
        let flags = if ends { flag::END_STREAM } else { 0 };
        self.write(&wire::frame(kind::DATA, flags, stream, &body[..length])).await?;
        Ok(length)
    }

    /// Sends so many frames of a body in one write, each of `length` bytes, which are at most a few. Gives how many
    /// were sent.
    pub(super) async fn crumbs(&mut self, stream: u32, length: usize, count: usize) -> io::Result<usize> {
        let Some(open) = self.streams.get_mut(&stream) else { return Ok(0) };
        let allowed = usize::try_from(open.window.min(self.window)).unwrap_or(0);
        let count = allowed.checked_div(length).map_or(count, |most| count.min(most));
        open.window -= (count * length) as i64;
        self.window -= (count * length) as i64;
        self.write(&wire::frame(kind::DATA, 0, stream, &vec![0; length]).repeat(count)).await?;
        Ok(count)
    }

    /// Makes a call of one small message.
    pub(super) async fn call(&mut self, headers: &[u8], message: &[u8]) -> io::Result<u32> {
        let stream = self.request(headers, false).await?;
        self.data(stream, message, true).await?;
        Ok(stream)
    }

    /// Makes so many requests in one write, each with a whole message or none, and gives each up at once.
    pub(super) async fn give_up(
        &mut self,
        headers: &[u8],
        message: Option<&[u8]>,
        count: usize,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        for _ in 0..count {
            let stream = self.number()?;
            bytes.extend(wire::frame(kind::HEADERS, flag::END_HEADERS, stream, headers));
            if let Some(message) = message {
                bytes.extend(wire::frame(kind::DATA, flag::END_STREAM, stream, message));
            }
            bytes.extend(wire::frame(kind::RST_STREAM, 0, stream, &CANCEL));
        }
        self.write(&bytes).await
    }

    /// The number of a new stream.
    fn number(&mut self) -> io::Result<u32> {
        let stream = self.next;
        self.next += 2;
        if self.next > i32::MAX as u32 {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        self.tally.streams.fetch_add(1, Ordering::Relaxed);
        Ok(stream)
    }

    /// Ends the connection with a reset, whatever is under way.
    pub(super) fn reset(self) -> io::Result<()> {
        self.writing.as_ref().set_zero_linger()?;
        // Otherwise its end would be sent first.
        self.writing.forget();
        Ok(())
    }

    /// Sends bytes.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writing.write_all(bytes).await?;
        self.tally.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        Ok(())
    }

    /// Waits so long for a frame, and handles it and all that have come.
    pub(super) async fn attend(&mut self, patience: Duration) -> io::Result<()> {
        let mut patience = patience;
        while let Ok(frame) = timeout(patience, self.next_frame()).await {
            self.handle(&frame?).await?;
            patience = Duration::ZERO;
        }
        Ok(())
    }

    /// Handles what comes until a stream has ended.
    pub(super) async fn finish(&mut self, stream: u32) -> io::Result<()> {
        while self.is_open(stream) {
            let frame = self.next_frame().await?;
            self.handle(&frame).await?;
        }
        Ok(())
    }

    /// The next frame. Nothing is lost where this is given up.
    async fn next_frame(&mut self) -> io::Result<Frame> {
        loop {
            if let Some(frame) = wire::take(&mut self.inbox) {
                return Ok(frame);
            }
            if self.reading.read_buf(&mut self.inbox).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn handle(&mut self, frame: &Frame) -> io::Result<()> {
        let is_ack = frame.flags & flag::ACK != 0;
        match frame.kind {
            kind::SETTINGS if !is_ack => {
                self.obey(&frame.payload);
                self.write(&wire::frame(kind::SETTINGS, flag::ACK, 0, &[])).await?;
            }
            kind::PING if !is_ack => {
                self.write(&wire::frame(kind::PING, flag::ACK, 0, &frame.payload)).await?;
            }
            kind::WINDOW_UPDATE => {
                let more = i64::from(number(&frame.payload));
                match self.streams.get_mut(&frame.stream) {
                    Some(stream) => stream.window += more,
                    None if frame.stream == 0 => self.window += more,
                    None => {}
                }
            }
            kind::RST_STREAM => drop(self.streams.remove(&frame.stream)),
            kind::GOAWAY => return Err(io::ErrorKind::ConnectionAborted.into()),
            kind::DATA if !frame.payload.is_empty() => {
                let read = u32::try_from(frame.payload.len()).unwrap_or(0).to_be_bytes();
                self.write(&wire::frame(kind::WINDOW_UPDATE, 0, 0, &read)).await?;
            }
            _ => {}
        }
        let is_end = matches!(frame.kind, kind::DATA | kind::HEADERS) && frame.flags & flag::END_STREAM != 0;
        // A body goes on after the answer until it is reset.
        if is_end && self.streams.get(&frame.stream).is_some_and(|stream| stream.is_sent) {
            self.streams.remove(&frame.stream);
        }
        Ok(())
    }

    fn obey(&mut self, settings: &[u8]) {
        for setting in settings.chunks_exact(6) {
            let (id, value) = (u16::from_be_bytes([setting[0], setting[1]]), number(&setting[2..]));
            match id {
                setting::MAX_CONCURRENT_STREAMS => self.streams_most = value as usize,
                setting::INITIAL_WINDOW_SIZE => {
                    let change = i64::from(value) - self.stream_window;
                    self.stream_window += change;
                    self.streams.values_mut().for_each(|stream| stream.window += change);
                }
                _ => {}
            }
        }
    }
}

/// The number in the first four bytes.
fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes) & 0x7fff_ffff)
}
