//! Attacks by a caller who may change what others do not use, and by all that one connection may hold.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::sleep;

use super::connection::{Connection, Target};
use super::streams::{ALICE, CHECK, GET_SUBJECT};
use super::wire::{self, PREFACE, flag, kind};

const REMEMBER: &str = "/countersign.v1.AssuranceService/RememberClient";
const REVOKE: &str = "/countersign.v1.AssuranceService/RevokeEvidence";
const VERIFY: &str = "/countersign.v1.VerificationService/Verify";
/// Changes on one connection before it is reset.
const CHANGES: usize = 60;
/// Steps of the time until then, of 250 µs each.
const STEPS: usize = 7;
/// Connections of [`everything`] that a caller has. The others show no credential.
const OF_CALLER: usize = 24;
/// Fields of metadata of each request.
const FIELDS: usize = 110;
/// The bytes that are sent of a body, and those that its message claims.
const UNFINISHED: (usize, u32) = (16_000, 60_000);
/// Fields of a header block that does not end.
const UNENDED: usize = 200;
/// The length of the frame that would go on with it, and the bytes that are sent of it.
const CONTINUATION: (usize, usize) = (12_000, 11_000);
/// A frame that fills nearly all of a buffer of 8 KiB.
const FILLER: usize = 8_150;
/// Longer than any trial.
const LONG: Duration = Duration::from_secs(3600);

/// Makes one call of a caller, and keeps the connection until the server closes it.
pub(super) async fn connections(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let head = wire::headers(GET_SUBJECT, Some(&target.reader), &[]);
    connection.call(&head, &wire::message(ALICE)).await?;
    loop {
        connection.attend(LONG).await?;
    }
}

/// A `RememberClientRequest` for a subject that nobody has named before.
fn remember(number: usize, change: usize, round: usize) -> Vec<u8> {
    let subject = format!("nobody {number} {change} {round}");
    // Field 1, a string; field 3, a string of one byte.
    [&[1 << 3 | 2, subject.len() as u8], subject.as_bytes(), &[3 << 3 | 2, 1, b'x']].concat()
}

/// Changes of many subjects, on connections that are given up as soon as they were read.
pub(super) async fn given_up(target: &Target, number: usize) -> io::Result<()> {
    let head = wire::headers(REMEMBER, Some(&target.reader), &[]);
    for round in 0.. {
        let mut connection = Connection::open(target, &[]).await?;
        for change in 0..CHANGES {
            connection.call(&head, &wire::message(&remember(number, change, round))).await?;
        }
        sleep(Duration::from_micros(250) * ((round + number) % STEPS) as u32).await;
        connection.reset()?;
    }
    Ok(())
}

/// Changes of one subject, as many at a time as the server takes.
pub(super) async fn one_subject(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let heads = [REMEMBER, REVOKE].map(|path| wire::headers(path, Some(&target.reader), &[]));
    // A name in field 3; everything in field 4.
    let changes = [[ALICE, &[3 << 3 | 2, 1, b'x']].concat(), [ALICE, &[4 << 3, 1]].concat()];
    loop {
        while connection.room() > 0 {
            for (head, change) in heads.iter().zip(&changes) {
                connection.call(head, &wire::message(change)).await?;
            }
        }
        connection.attend(LONG).await?;
    }
}

/// As much as a connection may hold: of strangers, paths for later requests and an unfinished header block; of a caller,
/// unfinished bodies of requests with much metadata.
pub(super) async fn everything(target: &Target, number: usize) -> io::Result<()> {
    if number < OF_CALLER { unfinished(target).await } else { unended(target).await }
}

async fn unfinished(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let fields: Vec<(String, String)> =
        (0..FIELDS).map(|number| (format!("x{number}"), "7".to_owned())).collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    let head = wire::headers(VERIFY, Some(&target.reader), &fields);
    let (sent, claimed) = UNFINISHED;
    let body = [wire::prefix(false, claimed), vec![0; sent]].concat();
    loop {
        while connection.room() > 0 {
            let stream = connection.request(&head, false).await?;
            let mut rest = &body[..];
            while !rest.is_empty() && connection.is_open(stream) {
                let more = connection.data(stream, rest, false).await?;
                rest = &rest[more..];
                if more == 0 {
                    connection.attend(LONG).await?;
                }
            }
        }
        connection.attend(LONG).await?;
    }
}

async fn unended(target: &Target) -> io::Result<()> {
    let mut socket = target.connect().await?;
    socket.write_all(&[PREFACE, &wire::settings(&[])].concat()).await?;
    let check = wire::headers(CHECK, None, &[]);
    for stream in [1, 3] {
        let filler = wire::frame(kind::UNKNOWN, 0, 0, &[0; FILLER]);
        // POST, http, `:path` with incremental indexing (RFC 7541, 6.2.1), and a content type.
        let mut block = b"\x83\x86\x44\x01/".to_vec();
        wire::literal(&mut block, "content-type", "application/grpc");
        let flags = flag::END_HEADERS | flag::END_STREAM;
        socket.write_all(&[filler, wire::frame(kind::HEADERS, flags, stream, &block)].concat()).await?;
    }
    let mut block = check;
    for field in 0..UNENDED {
        wire::literal(&mut block, &format!("x{field}"), "");
    }
    let (length, sent) = CONTINUATION;
    let mut more = Vec::new();
    wire::literal(&mut more, "y", &"7".repeat(2 * length));
    more.truncate(length);
    let mut bytes = wire::frame(kind::HEADERS, 0, 5, &block);
    bytes.extend(wire::frame(kind::CONTINUATION, 0, 5, &more));
    bytes.truncate(bytes.len() - (length - sent));
    socket.write_all(&bytes).await?;
    socket.read_to_end(&mut Vec::new()).await.map(drop)
}
