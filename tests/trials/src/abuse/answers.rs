//! Attacks by large answers that are not read.

use std::io;
use std::time::Duration;

use countersign::wire::pb;

use super::connection::{Connection, Target};
use super::server::Server;
use super::streams::REFLECT;
use super::wire::{self, kind, setting};
use super::{attack::Attack, plans};
use crate::Failed;
use crate::client::Assurance;
use crate::history::History;

const EVALUATE: &str = "/countersign.v1.AssuranceService/Evaluate";
const LIST_EVIDENCE: &str = "/countersign.v1.AssuranceService/ListEvidence";
/// A request about the subject `carol`.
const CAROL: &[u8] = b"\x0a\x05carol";
/// Pieces of evidence of a subject at most.
const PIECES: usize = 256;
/// Values of an issuer in each piece, and their length: as many as it may have.
const AMR: (usize, usize) = (16, 32);
/// The length of the source of each piece.
const SOURCE: usize = 255;
/// The largest window (RFC 9113, 6.9.1).
const WINDOW_MAX: u32 = i32::MAX as u32;
/// The window of a connection at the start (RFC 9113, 6.9.2).
const WINDOW: u32 = 65_535;
/// Requirements of one Evaluate at most.
const REQUIREMENTS: usize = 16;
/// Requests on each reflection stream.
const FILES: usize = 14;
/// The interval at which the connection is checked.
const LOOK: Duration = Duration::from_millis(50);

/// Records as much evidence of one subject as is kept, if an attack needs it.
pub(super) async fn prepare(server: &Server, attacks: &[Attack]) -> Result<(), Failed> {
    if !attacks.iter().any(|one| matches!(one, Attack::UnreadExplanations | Attack::UnreadEvidence)) {
        return Ok(());
    }
    let client = server.client(&History::begin())?;
    // One after the other: each changes the subject.
    for piece in 0..PIECES {
        let request = evidence(piece);
        let call = |mut assurance: Assurance| async move { assurance.record_evidence(request).await };
        let recorded = client.assure("RecordEvidence", "", call).await;
        recorded.map_err(|answer| format!("evidence before the attack: {answer:?}"))?;
    }
    Ok(())
}

fn evidence(piece: usize) -> pb::RecordEvidenceRequest {
    let (values, length) = AMR;
    pb::RecordEvidenceRequest {
        subject: "carol".to_owned(),
        context: Some(pb::Context { session: format!("session {piece}"), ..Default::default() }),
        method: plans::method(piece),
        source: "s".repeat(SOURCE),
        amr: vec!["a".repeat(length); values],
        ..Default::default()
    }
}

/// Explained decisions on requirements of many selectors, for a subject with much evidence.
pub(super) async fn explanations(target: &Target, number: usize) -> io::Result<()> {
    let mut message = plans::question(CAROL);
    // Field 7, true.
    message.extend([7 << 3, 1]);
    unread(target, number, EVALUATE, &message).await
}

/// Pages of evidence, as large as they may be.
pub(super) async fn evidence_pages(target: &Target, number: usize) -> io::Result<()> {
    // Field 3: 200.
    unread(target, number, LIST_EVIDENCE, &[CAROL, &[3 << 3, 200, 1]].concat()).await
}

/// As many calls as the server announces. Of their answers nothing may be sent, or one byte of each.
async fn unread(target: &Target, number: usize, path: &str, message: &[u8]) -> io::Result<()> {
    let window = u32::from(!number.is_multiple_of(2));
    let mut connection = Connection::open(target, &[(setting::INITIAL_WINDOW_SIZE, window)]).await?;
    let (head, message) = (wire::headers(path, Some(&target.reader), &[]), wire::message(message));
    for _ in 0..connection.room() {
        connection.call(&head, &message).await?;
    }
    idle(connection).await
}

/// As many reflection streams as the server announces, with several requests on each, on a connection of which nothing is
/// read.
pub(super) async fn reflection(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[(setting::INITIAL_WINDOW_SIZE, WINDOW_MAX)]).await?;
    let more = (WINDOW_MAX - WINDOW).to_be_bytes();
    connection.write(&wire::frame(kind::WINDOW_UPDATE, 0, 0, &more)).await?;
    let name = b"countersign/v1/device_service.proto";
    // Field 3, a string.
    let request = wire::message(&[&[3 << 3 | 2, name.len() as u8], &name[..]].concat());
    let head = wire::headers(REFLECT, Some(&target.auditor), &[]);
    for _ in 0..connection.room() {
        let stream = connection.request(&head, false).await?;
        connection.data(stream, &request.repeat(FILES), false).await?;
    }
    idle(connection).await
}

/// As many questions as the server announces, in which everything is wrong, on a connection of which nothing is read.
pub(super) async fn refusals(target: &Target) -> io::Result<()> {
    let mut connection = Connection::over(target.connect_narrow().await?, target, &[]).await?;
    let head = wire::headers(EVALUATE, Some(&target.reader), &[]);
    // Field 3, an empty string.
    let message = wire::message(&[CAROL, &[3 << 3 | 2, 0].repeat(REQUIREMENTS)].concat());
    for _ in 0..connection.room() {
        connection.call(&head, &message).await?;
    }
    idle(connection).await
}

/// Reads nothing until the server closes the connection, which a write shows.
async fn idle(mut connection: Connection) -> io::Result<()> {
    let ping = wire::frame(kind::PING, 0, 0, b"pingping");
    loop {
        tokio::time::sleep(LOOK).await;
        connection.write(&ping).await?;
    }
}
