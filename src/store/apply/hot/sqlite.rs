//! The hot commit on SQLite: one text of a few statements, from `BEGIN` to `COMMIT`. Each hop to the thread that
//! has the connection costs as much as some rows, so there is one.

use std::sync::Arc;

use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sea_orm::sqlx::{self, Arguments as _, AssertSqlSafe, Error, Sqlite};

use super::super::super::chain::Chain;
use super::super::super::dialect;
use super::super::super::entity::{self, device};
use super::super::super::primary::Primary;
use super::super::super::texts::{Texts, size};
use super::super::WriteError;
use super::super::clearing::{MAKES_ROOM, OLDEST};
use super::{Group, Proved, Written, failed};
use crate::domain::ids::{ClientId, DeviceId, SessionId};
use crate::domain::moment::Moment;

const DEVICE: usize = 7;
const EVENT: usize = 9;
const EVIDENCE: usize = 15;
const RECORD: usize = 7;
const CLEARED: usize = 3;

/// Writes a group.
pub(super) async fn write(
    db: &Primary,
    held: &mut Option<PoolConnection<Sqlite>>,
    chain: &Chain,
    group: &Group<'_>,
) -> Result<Written, WriteError> {
    let sizes = [
        size(group.devices.len()),
        size(group.events.len()),
        size(group.evidence.len()),
        size(group.records.len()),
        size(clearing(group).count()),
    ];
    let text = text(sizes);
    let arguments =
        arguments(chain, group, sizes).map_err(|e| WriteError::NotBegun(failed(Error::Encode(e))))?;
    let mut connection = match held.take() {
        Some(connection) => connection,
        None => {
            let acquired = db.now().get_sqlite_connection_pool().acquire().await;
            acquired.map_err(|e| WriteError::NotBegun(failed(e)))?
        }
    };
    let error = match sqlx::query_with(AssertSqlSafe(text), arguments).execute(&mut *connection).await {
        Ok(_) => {
            *held = Some(connection);
            return Ok(Written::All);
        }
        Err(error) => error,
    };
    if roll_back(&mut connection).await.is_err() {
        // Whatever state it is in: the next group gets another.
        connection.close_on_drop();
    }
    if is_refused(&error) {
        return Ok(Written::Nothing);
    }
    let error = failed(error);
    // Another process has the file: it was not begun, and whatever is tried next fares alike.
    Err(if dialect::is_conflict(&error) { WriteError::NotBegun(error) } else { WriteError::Failed(error) })
}

/// Ends the transaction, if it was begun.
async fn roll_back(connection: &mut SqliteConnection) -> Result<(), Error> {
    sqlx::query("ROLLBACK").execute(connection).await.map(drop)
}

/// Whether it is the group that is refused: the guard's `NULL` (1299), or a request id that is there (1555,
/// 2067).
fn is_refused(error: &Error) -> bool {
    let code = error.as_database_error().and_then(|e| e.code());
    code.is_some_and(|code| matches!(&*code, "1299" | "1555" | "2067"))
}

/// `(?, ?, …), (?, ?, …), …`
fn tuples(rows: usize, columns: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    vec![row; rows].join(", ")
}

/// A statement that inserts rows, but those that are nothing.
fn insert(table: &str, columns: &str, rows: usize, width: usize) -> String {
    match rows {
        0 => String::new(),
        rows => format!(
            "INSERT INTO {table} ({columns}) SELECT * FROM (VALUES {}) WHERE column1 IS NOT NULL;",
            tuples(rows, width)
        ),
    }
}

/// The evidence that clears what it outdoes.
fn clearing<'a>(group: &'a Group<'_>) -> impl Iterator<Item = &'a Proved<'a>> {
    group.evidence.iter().map(|(_, proved)| proved).filter(|proved| proved.clears)
}

/// A statement that deletes what so many new pieces of evidence outdo.
fn clear(rows: usize) -> String {
    format!(
        "DELETE FROM evidence WHERE (tenant, subject, id) IN (WITH n AS MATERIALIZED (\
         SELECT n.*, {OLDEST} AS oldest FROM (VALUES {}) AS v \
         JOIN evidence AS n ON n.tenant = v.column1 AND n.subject = v.column2 AND n.id = v.column3) \
         SELECT e.tenant, e.subject, e.id FROM n \
         JOIN evidence AS e ON e.tenant = n.tenant AND e.subject = n.subject AND {MAKES_ROOM});",
        tuples(rows, CLEARED)
    )
}

/// The text for so many devices, events, evidence, records, and pieces of evidence that clear.
///
/// The events are the guard of the whole: unless as many devices changed as were to, the writer's name
/// becomes `NULL`, which the table refuses.
fn text(sizes: [usize; 5]) -> Arc<str> {
    static TEXTS: Texts<[usize; 5]> = Texts::new();
    TEXTS.of(sizes, |[devices, events, evidence, records, cleared]| {
        let devices = tuples(devices, DEVICE);
        let events = tuples(events, EVENT);
        let evidence = insert("evidence", super::EVIDENCE, evidence, EVIDENCE);
        let records = insert("request", super::RECORD, records, RECORD);
        let cleared = if cleared == 0 { String::new() } else { clear(cleared) };
        format!(
            "BEGIN IMMEDIATE;\
             UPDATE device SET version = v.column2, state = v.column3, detail = v.column4, \
             failures = v.column5, failed_at = v.column6, used_at = v.column7 FROM (VALUES {devices}) AS v \
             WHERE device.id = v.column1 AND device.version = v.column2 - 1;\
             INSERT INTO event (writer, link, place, tenant, at, what, subject, device, caller, details, \
             mac_key, previous, mac) \
             SELECT CASE WHEN changes() = w.changed THEN w.writer END, w.link, \
             v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7, v.column8, \
             w.mac_key, w.previous, v.column9 FROM (VALUES {events}) AS v CROSS JOIN \
             (SELECT ? AS changed, ? AS writer, ? AS link, ? AS mac_key, ? AS previous) AS w \
             WHERE v.column1 IS NOT NULL;\
             {evidence}{records}{cleared}COMMIT"
        )
    })
}

type Refused = sqlx::error::BoxDynError;

fn arguments(chain: &Chain, group: &Group<'_>, sizes: [usize; 5]) -> Result<SqliteArguments, Refused> {
    let [devices, events, evidence, records, cleared] = sizes;
    let mut all = SqliteArguments::default();
    let values =
        devices * DEVICE + events * EVENT + evidence * EVIDENCE + records * RECORD + cleared * CLEARED + 5;
    all.reserve(values, 0);
    for device in &group.devices {
        all.add(device.id.shared())?;
        all.add(device.version)?;
        all.add(device.state.as_str())?;
        all.add(device.detail.text().to_owned())?;
        all.add(device::count(device.failures))?;
        all.add(device.failures.last_at.map(Moment::micros))?;
        all.add(device.used_at.map(Moment::micros))?;
    }
    fill(&mut all, (devices - group.devices.len()) * DEVICE)?;
    for (_, entry) in &group.events {
        let event = entry.event;
        all.add(entry.place)?;
        all.add(event.tenant.shared())?;
        all.add(event.at.micros())?;
        all.add(event.what.as_str())?;
        all.add(event.subject.shared())?;
        match &event.device {
            Some(id) => all.add(id.shared())?,
            None => all.add("")?,
        }
        all.add(event.caller.shared())?;
        all.add(entry.details.clone())?;
        all.add(entry.mac.as_slice())?;
    }
    fill(&mut all, (events - group.events.len()) * EVENT)?;
    all.add(i64::try_from(group.devices.len())?)?;
    all.add(chain.writer())?;
    all.add(chain.link())?;
    all.add(chain.key())?;
    all.add(chain.head())?;
    for (_, Proved { commit, evidence, strength, .. }) in &group.evidence {
        let (scope, digest) = entity::evidence::scope(&evidence.scope);
        all.add(commit.tenant.shared())?;
        all.add(commit.subject.shared())?;
        all.add(evidence.id.shared())?;
        all.add(evidence.method.name().as_str())?;
        all.add(evidence.method.device_id().map_or("", DeviceId::as_str))?;
        all.add(evidence.verified_at.micros())?;
        all.add(evidence.expires_at.micros())?;
        all.add(scope)?;
        all.add(evidence.binding.session.as_ref().map_or("", SessionId::as_str))?;
        all.add(evidence.binding.client.as_ref().map_or("", ClientId::as_str))?;
        all.add(digest)?;
        all.add(evidence.epoch)?;
        all.add(strength.as_str())?;
        all.add(evidence.source.as_deref().unwrap_or_default())?;
        all.add(evidence.used_up.then_some(evidence.verified_at.micros()))?;
    }
    fill(&mut all, (evidence - group.evidence.len()) * EVIDENCE)?;
    for (_, record) in &group.records {
        all.add(record.tenant.clone())?;
        all.add(record.caller.clone())?;
        all.add(record.id.clone())?;
        all.add(record.digest_key.clone())?;
        all.add(record.digest.clone())?;
        all.add(record.answer.clone())?;
        all.add(record.expires_at)?;
    }
    fill(&mut all, (records - group.records.len()) * RECORD)?;
    for Proved { commit, evidence, .. } in clearing(group) {
        all.add(commit.tenant.shared())?;
        all.add(commit.subject.shared())?;
        all.add(evidence.id.shared())?;
    }
    fill(&mut all, (cleared - clearing(group).count()) * CLEARED)?;
    Ok(all)
}

fn fill(all: &mut SqliteArguments, count: usize) -> Result<(), Refused> {
    (0..count).try_for_each(|_| all.add(None::<i64>))
}
