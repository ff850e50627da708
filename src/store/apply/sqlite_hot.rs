//! The hot commit on SQLite: one text of four or five statements, from `BEGIN` to `COMMIT`. Each hop to the
//! thread that has the connection costs as much as some rows, so there is one.

use std::sync::Arc;

use sea_orm::sqlx::sqlite::{SqliteArguments, SqliteConnection, SqlitePool};
use sea_orm::sqlx::{self, Arguments as _, AssertSqlSafe, Error};
use sea_orm::{DbErr, RuntimeErr};

use super::super::chain::Chain;
use super::super::entity::device;
use super::hot::{Group, Written};
use super::progress::{SharedTexts, tuples};
use crate::domain::moment::Moment;

/// Rows of a table in one text: a group is filled up to one of these with rows that are nothing, so that
/// there are few texts, and each is prepared once.
const SIZES: [usize; 10] = [1, 2, 4, 8, 12, 16, 24, 32, 48, 64];

const DEVICE: usize = 7;
const EVENT: usize = 9;
const RECORD: usize = 7;

/// Writes a group.
pub(super) async fn write(pool: &SqlitePool, chain: &Chain, group: &Group<'_>) -> Result<Written, DbErr> {
    let sizes = [size(group.devices.len()), size(group.events.len()), size(group.records.len())];
    let text = text(sizes);
    let arguments = arguments(chain, group, sizes).map_err(|e| failed(Error::Encode(e)))?;
    let mut connection = pool.acquire().await.map_err(failed)?;
    let error = match sqlx::query_with(AssertSqlSafe(text), arguments).execute(&mut *connection).await {
        Ok(_) => return Ok(Written::All),
        Err(error) => error,
    };
    if roll_back(&mut connection).await.is_err() {
        // Whatever state it is in: the next group gets another.
        connection.close_on_drop();
    }
    if is_refused(&error) { Ok(Written::Nothing) } else { Err(failed(error)) }
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

fn failed(error: Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
}

fn size(rows: usize) -> usize {
    if rows == 0 { 0 } else { SIZES.into_iter().find(|size| *size >= rows).unwrap_or(rows) }
}

/// The text for so many devices, events and records.
///
/// The events are the guard of the whole: unless as many devices changed as were to, the writer's name
/// becomes `NULL`, which the table refuses.
fn text(sizes: [usize; 3]) -> Arc<str> {
    static TEXTS: SharedTexts<[usize; 3]> = SharedTexts::new();
    TEXTS.of(sizes, |[devices, events, records]| {
        let devices = tuples(devices, DEVICE);
        let events = tuples(events, EVENT);
        let records = match records {
            0 => String::new(),
            n => format!(
                "INSERT INTO request (tenant, caller, id, digest_key, digest, answer, expires_at) \
                 SELECT * FROM (VALUES {}) WHERE column1 IS NOT NULL;",
                tuples(n, RECORD)
            ),
        };
        format!(
            "BEGIN IMMEDIATE;\
             UPDATE device SET version = v.column2, state = v.column3, detail = v.column4, \
             failures = v.column5, failed_at = v.column6, used_at = v.column7 FROM (VALUES {devices}) AS v \
             WHERE device.id = v.column1 AND device.version = v.column2 - 1;\
             INSERT INTO event (writer, link, place, tenant, at, what, subject, device, caller, details, \
             mac_key, previous, mac) \
             SELECT CASE WHEN changes() = w.changed THEN w.writer END, w.link, v.column1, v.column2, \
             v.column3, v.column4, v.column5, v.column6, v.column7, v.column8, w.mac_key, w.previous, \
             v.column9 FROM (VALUES {events}) AS v CROSS JOIN \
             (SELECT ? AS changed, ? AS writer, ? AS link, ? AS mac_key, ? AS previous) AS w \
             WHERE v.column1 IS NOT NULL;\
             {records}COMMIT"
        )
    })
}

type Refused = sqlx::error::BoxDynError;

fn arguments(chain: &Chain, group: &Group<'_>, sizes: [usize; 3]) -> Result<SqliteArguments, Refused> {
    let mut all = SqliteArguments::default();
    all.reserve(sizes[0] * DEVICE + sizes[1] * EVENT + sizes[2] * RECORD + 5, 0);
    for device in &group.devices {
        all.add(device.id.shared())?;
        all.add(device.version)?;
        all.add(device.state.as_str())?;
        all.add(device.detail.clone())?;
        all.add(device::count(device.failures))?;
        all.add(device.failures.last_at.map(Moment::micros))?;
        all.add(device.used_at.map(Moment::micros))?;
    }
    fill(&mut all, (sizes[0] - group.devices.len()) * DEVICE)?;
    for entry in &group.events {
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
    fill(&mut all, (sizes[1] - group.events.len()) * EVENT)?;
    all.add(i64::try_from(group.devices.len())?)?;
    all.add(chain.writer())?;
    all.add(chain.link())?;
    all.add(chain.key())?;
    all.add(chain.head())?;
    for record in &group.records {
        all.add(record.tenant.clone())?;
        all.add(record.caller.clone())?;
        all.add(record.id.clone())?;
        all.add(record.digest_key.clone())?;
        all.add(record.digest.clone())?;
        all.add(record.answer.clone())?;
        all.add(record.expires_at)?;
    }
    fill(&mut all, (sizes[2] - group.records.len()) * RECORD)?;
    Ok(all)
}

fn fill(all: &mut SqliteArguments, count: usize) -> Result<(), Refused> {
    (0..count).try_for_each(|_| all.add(None::<i64>))
}
