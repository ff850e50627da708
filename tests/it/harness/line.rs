//! A TCP proxy before a database, which loses what it is told to lose.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Where a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The packet never arrives.
    Before,
    /// It arrives, and its answer does not.
    After,
    /// It never arrives, and the connection stays open: its client is frozen, or the network is.
    Hold,
}

/// A proxy. Dropped, it takes no new connections.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    server: u16,
    is_frozen: watch::Sender<bool>,
    /// The packet of a client at which its connection is cut, counted from now over all connections.
    cut: Mutex<Option<(usize, Cut)>>,
    seen: AtomicUsize,
    is_refusing: watch::Sender<bool>,
}

impl Proxy {
    /// A proxy before a port of this machine.
    pub(crate) async fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            server,
            is_frozen: watch::Sender::new(false),
            cut: Mutex::new(None),
            seen: AtomicUsize::new(0),
            is_refusing: watch::Sender::new(false),
        });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Self { port, shared, accepting }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From now on nothing passes, in either direction, and nothing ends.
    pub(crate) fn freeze(&self) {
        self.shared.is_frozen.send_replace(true);
    }

    /// Everything passes again.
    pub(crate) fn thaw(&self) {
        self.shared.is_frozen.send_replace(false);
    }

    /// From now on connections are reset, those that are open too.
    pub(crate) fn refuse(&self) {
        self.shared.is_refusing.send_replace(true);
    }

    /// Takes connections again.
    pub(crate) fn take(&self) {
        self.shared.is_refusing.send_replace(false);
    }

    /// Cuts a connection at the n-th packet, from 0, that any client sends from now on.
    pub(crate) fn cut(&self, nth: usize, how: Cut) {
        self.shared.seen.store(0, Ordering::SeqCst);
        *self.shared.cut.lock().unwrap() = Some((nth, how));
    }

    /// Cuts nothing more. Gives whether something was cut.
    pub(crate) fn mend(&self) -> bool {
        self.shared.cut.lock().unwrap().take().is_none()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    /// Whether the packet that a client sends now is where its connection is cut.
    fn is_cut(&self) -> Option<Cut> {
        let seen = self.seen.fetch_add(1, Ordering::SeqCst);
        let mut cut = self.cut.lock().unwrap();
        let (_, how) = cut.take_if(|(nth, _)| *nth == seen)?;
        Some(how)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        if *shared.is_refusing.borrow() {
            client.set_zero_linger().unwrap();
            continue;
        }
        let Ok(server) = TcpStream::connect(("127.0.0.1", shared.server)).await else {
            client.set_zero_linger().unwrap();
            continue;
        };
        tokio::spawn(carry(client, server, shared.clone()));
    }
}

/// Carries one connection to its end.
async fn carry(client: TcpStream, server: TcpStream, shared: Arc<Shared>) {
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
        // Dropped, they are reset.
        stream.set_zero_linger().unwrap();
    }
    let (swallow, swallowing) = watch::channel(false);
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut refusing = shared.is_refusing.subscribe();
    tokio::select! {
        () = requests(from_client, to_server, &shared, &swallow) => {}
        () = answers(from_server, to_client, &shared, &swallowing) => {}
        _ = refusing.wait_for(|refuses| *refuses) => {}
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    swallow: &watch::Sender<bool>,
) {
    let mut frozen = shared.is_frozen.subscribe();
    let mut packet = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut packet).await {
        frozen.wait_for(|frozen| !frozen).await.unwrap();
        match shared.is_cut() {
            Some(Cut::Before) => return,
            Some(Cut::Hold) => std::future::pending().await,
            Some(Cut::After) => {
                swallow.send_replace(true);
            }
            None => {}
        }
        if to.write_all(&packet[..length]).await.is_err() {
            return;
        }
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    swallow: &watch::Receiver<bool>,
) {
    let mut frozen = shared.is_frozen.subscribe();
    let mut packet = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut packet).await {
        frozen.wait_for(|frozen| !frozen).await.unwrap();
        if *swallow.borrow() || to.write_all(&packet[..length]).await.is_err() {
            return;
        }
    }
}
