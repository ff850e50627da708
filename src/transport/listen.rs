//! Where the server listens.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpSocket, UnixListener, UnixStream};

use crate::config::Address;

/// Why the server cannot listen there.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// A TCP address.
    #[error("cannot listen on {0}: {1}")]
    Tcp(SocketAddr, io::Error),
    /// A Unix socket.
    #[error("cannot listen on unix:{0}: {1}")]
    Unix(PathBuf, io::Error),
    /// Another server is there.
    #[error("cannot listen on unix:{0}: another server answers there; stop it, or name another socket")]
    Taken(PathBuf),
    /// Something that is not a socket is there.
    #[error("cannot listen on unix:{0}: there is a file that is not a socket; name another path")]
    NotASocket(PathBuf),
}

/// A socket that listens.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket, and its path, to be removed at the end.
    Unix(UnixListener, PathBuf),
}

/// Connections that wait to be accepted, at most, or as many as the system allows: beyond that, one who connects is left
/// to try again after a second.
const BACKLOG: u32 = 4096;

impl Listener {
    /// Starts to listen. A Unix socket gets that mode before anybody can see it.
    ///
    /// # Errors
    /// Says what is in the way.
    pub async fn bind(address: &Address, mode: u32) -> Result<Self, ListenError> {
        match address {
            Address::Tcp(at) => {
                let bound = tcp(*at).map_err(|e| ListenError::Tcp(*at, e))?;
                Ok(Self::Tcp(bound))
            }
            Address::Unix(path) => {
                clear(path).await?;
                let bound = unix(path, mode).map_err(|e| ListenError::Unix(path.clone(), e))?;
                Ok(Self::Unix(bound, path.clone()))
            }
        }
    }

    /// The path of a Unix socket.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(_, path) => Some(path),
        }
    }

    /// Where it listens: with the port that was chosen, where none was named.
    #[must_use]
    pub fn address(&self) -> String {
        match self {
            Self::Tcp(listener) => {
                listener.local_addr().map_or_else(|_| "tcp".to_owned(), |address| address.to_string())
            }
            Self::Unix(_, path) => format!("unix:{}", path.display()),
        }
    }
}

/// Removes a socket that nobody listens on any more.
async fn clear(path: &Path) -> Result<(), ListenError> {
    use std::os::unix::fs::FileTypeExt as _;
    let Ok(there) = fs::symlink_metadata(path) else { return Ok(()) };
    if !there.file_type().is_socket() {
        return Err(ListenError::NotASocket(path.to_owned()));
    }
    if UnixStream::connect(path).await.is_ok() {
        return Err(ListenError::Taken(path.to_owned()));
    }
    fs::remove_file(path).map_err(|e| ListenError::Unix(path.to_owned(), e))
}

/// Binds beside the path, sets the mode, and moves the socket into place: at no moment can it be opened by
/// who may not.
fn unix(path: &Path, mode: u32) -> io::Result<UnixListener> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let listener = UnixListener::bind(&beside)?;
    let placed = fs::set_permissions(&beside, fs::Permissions::from_mode(mode))
        .and_then(|()| fs::rename(&beside, path));
    if placed.is_err() {
        // What is left is of no use to anybody.
        let _ = fs::remove_file(&beside);
    }
    placed.map(|()| listener)
}

fn tcp(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = if at.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(at)?;
    socket.listen(BACKLOG)
}
