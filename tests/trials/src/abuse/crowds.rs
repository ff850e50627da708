//! Attacks by number of connections.

use std::io;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use super::connection::{Connection, Target};
use super::{streams, wire};

/// Longer than any trial.
const LONG: Duration = Duration::from_secs(3600);

/// Sends nothing, until the server closes the connection.
pub(super) async fn silent(target: &Target) -> io::Result<()> {
    let mut socket = target.connect().await?;
    socket.read_to_end(&mut Vec::new()).await.map(drop)
}

/// Makes one call that needs no credential, and does then what HTTP/2 asks of a client, until the server closes the
/// connection.
pub(super) async fn polite(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let check = wire::headers(streams::CHECK, None, &[]);
    let stream = connection.call(&check, &wire::message(&[])).await?;
    connection.finish(stream).await?;
    loop {
        connection.attend(LONG).await?;
    }
}

/// Makes one empty call after the other, so many at the same time.
pub(super) async fn ordinary(target: &Target, at_once: usize) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let check = wire::headers(streams::CHECK, None, &[]);
    loop {
        while connection.open_streams().len() < at_once {
            connection.call(&check, &wire::message(&[])).await?;
        }
        connection.attend(LONG).await?;
    }
}
