//! A TCP proxy before a database server, that cuts a connection at a commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::databases::TestDatabase;

/// Where the connection is cut, at the next commit and only there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server never sees it.
    BeforeCommit,
    /// The server has done it, and its answer is lost.
    AfterCommit,
}

/// A proxy that runs until the test ends.
pub(crate) struct Proxy {
    armed: Arc<AtomicU8>,
    port: u16,
}

impl Proxy {
    /// Before the server of that database.
    pub(crate) async fn before(database: &TestDatabase) -> Self {
        let server = address(&database.url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let armed = Arc::new(AtomicU8::new(0));
        let is_armed = armed.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, armed) = (server.clone(), is_armed.clone());
                tokio::spawn(async move {
                    let server = TcpStream::connect(server).await.unwrap();
                    // Whoever hangs up first ends it.
                    let _ = carry(client, server, &armed).await;
                });
            }
        });
        Self { armed, port }
    }

    /// The database, by way of the proxy.
    pub(crate) fn route(&self, database: &TestDatabase) -> TestDatabase {
        let url = database.url.replacen(address(&database.url), &format!("127.0.0.1:{}", self.port), 1);
        TestDatabase { url, ..database.clone() }
    }

    /// Cuts the connection at the next commit.
    pub(crate) fn arm(&self, cut: Cut) {
        self.armed.store(if cut == Cut::BeforeCommit { 1 } else { 2 }, Ordering::SeqCst);
    }

    /// Whether it has not cut yet.
    pub(crate) fn is_armed(&self) -> bool {
        self.armed.load(Ordering::SeqCst) != 0
    }
}

/// HOST:PORT of a server's URL.
fn address(url: &str) -> &str {
    let rest = url.split_once("://").unwrap().1;
    let rest = rest.split('/').next().unwrap();
    rest.rsplit('@').next().unwrap()
}

/// Whether a server commits something when it has read that. What a verification means goes to PostgreSQL in
/// one statement, which commits itself.
fn is_commit(chunk: &[u8]) -> bool {
    let is_postgres = chunk.first() == Some(&b'B');
    chunk.windows(6).any(|window| window == b"COMMIT" || is_postgres && window == b"proof.")
}

async fn carry(mut client: TcpStream, mut server: TcpStream, armed: &AtomicU8) -> std::io::Result<()> {
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            count = client.read(&mut asked) => {
                let chunk = &asked[..count?];
                if chunk.is_empty() {
                    return Ok(());
                }
                let cut = if is_commit(chunk) { armed.swap(0, Ordering::SeqCst) } else { 0 };
                if cut == 1 {
                    return Ok(());
                }
                server.write_all(chunk).await?;
                if cut == 2 {
                    // Whatever the answer is, the client does not get it.
                    let _lost = server.read(&mut answered).await?;
                    return Ok(());
                }
            }
            count = server.read(&mut answered) => {
                let chunk = &answered[..count?];
                if chunk.is_empty() {
                    return Ok(());
                }
                client.write_all(chunk).await?;
            }
        }
    }
}
