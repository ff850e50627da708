//! The hot commit on MySQL and MariaDB: one transaction of a statement for each table. An update does not say which
//! rows it changed, only how many: fewer than there are in the group, and all of it is given up.

use std::sync::Arc;

use sea_orm::DbErr;
use sea_orm::sqlx::mysql::{MySqlArguments, MySqlConnection};
use sea_orm::sqlx::{self, Arguments as _, AssertSqlSafe, Error, Executor as _};

use super::super::super::chain::Chain;
use super::super::super::dialect;
use super::super::super::entity::{self, device};
use super::super::super::primary::{Own, Primary};
use super::super::super::server::Direct;
use super::super::super::texts::Texts;
use super::super::clearing::{MAKES_ROOM, OLDEST};
use super::super::{WriteError, is_duplicate, is_refused};
use super::{Group, Proved, Written, failed};
use crate::domain::ids::{ClientId, DeviceId, SessionId};
use crate::domain::moment::Moment;

const EVENT: &str =
    "writer, link, place, tenant, at, what, subject, device, caller, details, mac_key, previous, mac";

/// Writes a group.
pub(super) async fn write(
    db: &Primary,
    held: &mut Option<Own>,
    chain: &Chain,
    group: &Group<'_>,
) -> Result<Written, WriteError> {
    let statements = statements(chain, group).map_err(|e| WriteError::NotBegun(failed(Error::Encode(e))))?;
    let mut own = db.own(held.take()).await.map_err(WriteError::NotBegun)?;
    let pool = own.pool();
    let Direct::MySql(connection) = &mut own.direct else {
        return Err(WriteError::NotBegun(failed(Error::PoolClosed)));
    };
    let written = db.on_own(pool, begin_and_write(connection, statements, group.devices.len())).await;
    let end = if matches!(written, Ok(true)) { "COMMIT" } else { "ROLLBACK" };
    let ended = match &written {
        // Gone, and its transaction with it.
        Err(error) if dialect::code(error).is_none() => return Err(WriteError::Failed(error.clone())),
        _ => db.on_own(pool, execute(connection, end)).await,
    };
    if ended.is_ok() {
        *held = Some(own);
    }
    match (written, ended) {
        (Ok(true), Ok(())) => Ok(Written::All),
        (Ok(true), Err(error)) if is_refused(&error) => Err(WriteError::Failed(error)),
        (Ok(true), Err(error)) => Err(WriteError::Doubt(error)),
        (Ok(false), _) => Ok(Written::Nothing),
        (Err(error), _) => Err(WriteError::Failed(error)),
    }
}

async fn execute(connection: &mut MySqlConnection, sql: &'static str) -> Result<(), DbErr> {
    connection.execute(sql).await.map(drop).map_err(failed)
}

/// Does all of it but to commit it. `false`: something is stale or recorded.
async fn begin_and_write(
    connection: &mut MySqlConnection,
    statements: Vec<Prepared>,
    devices: usize,
) -> Result<bool, DbErr> {
    execute(connection, "BEGIN").await?;
    for (place, (text, arguments)) in statements.into_iter().enumerate() {
        let query = sqlx::query_with(AssertSqlSafe(text), arguments);
        let done = query.execute(&mut *connection).await.map_err(failed);
        match done {
            // The devices come first.
            Ok(done) if place == 0 && done.rows_affected() != devices as u64 => return Ok(false),
            Ok(_) => {}
            // Only a request id can be there already.
            Err(error) if is_duplicate(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// A text and its values.
type Prepared = (Arc<str>, MySqlArguments);
type Refused = sqlx::error::BoxDynError;

/// The statements of a group, in the order in which they are carried out.
fn statements(chain: &Chain, group: &Group<'_>) -> Result<Vec<Prepared>, Refused> {
    let mut all = vec![devices(group)?];
    if !group.records.is_empty() {
        all.push(records(group)?);
    }
    if !group.evidence.is_empty() {
        all.push(evidence(group)?);
    }
    if group.evidence.iter().any(|(_, proved)| proved.clears) {
        all.push(clearing(group)?);
    }
    all.push(events(chain, group)?);
    Ok(all)
}

/// A statement that inserts so many rows.
///
/// As many as there are, and no table made of the values: with texts of any length in it, that would be one on the
/// server's disk.
fn insert(texts: &'static Texts<usize>, table: &str, columns: &str, count: usize) -> Arc<str> {
    texts.of(count, |count| {
        let row = format!("({})", vec!["?"; columns.split(", ").count()].join(", "));
        format!("INSERT INTO {table} ({columns}) VALUES {}", vec![row; count].join(", "))
    })
}

/// What changes of a device beside its version.
const CHANGES: [&str; 5] = ["state", "detail", "failures", "failed_at", "used_at"];

fn devices(group: &Group<'_>) -> Result<Prepared, Refused> {
    static TEXTS: Texts<usize> = Texts::new();
    let text = TEXTS.of(group.devices.len(), |count| {
        let case = format!("CASE id{} END", " WHEN ? THEN ?".repeat(count));
        let set: Vec<_> = CHANGES.iter().map(|column| format!("{column} = {case}")).collect();
        let these = vec!["(id = ? AND version = ?)"; count].join(" OR ");
        format!("UPDATE device SET {}, version = version + 1 WHERE {these}", set.join(", "))
    });
    let mut values = MySqlArguments::default();
    for column in CHANGES {
        for device in &group.devices {
            values.add(device.id.as_str())?;
            match column {
                "state" => values.add(device.state.as_str())?,
                "detail" => values.add(device.detail.text())?,
                "failures" => values.add(device::count(device.failures))?,
                "failed_at" => values.add(device.failures.last_at.map(Moment::micros))?,
                _ => values.add(device.used_at.map(Moment::micros))?,
            }
        }
    }
    // They are locked in the order of their ids, as the index has them: two groups that share devices wait for
    // each other instead of dying in a deadlock.
    for device in &group.devices {
        values.add(device.id.as_str())?;
        values.add(device.version - 1)?;
    }
    Ok((text, values))
}

fn records(group: &Group<'_>) -> Result<Prepared, Refused> {
    static TEXTS: Texts<usize> = Texts::new();
    let mut values = MySqlArguments::default();
    for (_, record) in &group.records {
        values.add(record.tenant.as_str())?;
        values.add(record.caller.as_str())?;
        values.add(record.id.as_slice())?;
        values.add(record.digest_key.as_str())?;
        values.add(record.digest.as_slice())?;
        values.add(record.answer.as_slice())?;
        values.add(record.expires_at)?;
    }
    Ok((insert(&TEXTS, "request", super::RECORD, group.records.len()), values))
}

fn evidence(group: &Group<'_>) -> Result<Prepared, Refused> {
    static TEXTS: Texts<usize> = Texts::new();
    let mut values = MySqlArguments::default();
    for (_, Proved { commit, evidence, strength, .. }) in &group.evidence {
        let (scope, digest) = entity::evidence::scope(&evidence.scope);
        values.add(commit.tenant.as_str())?;
        values.add(commit.subject.as_str())?;
        values.add(evidence.id.as_str())?;
        values.add(evidence.method.name().as_str())?;
        values.add(evidence.method.device_id().map_or("", DeviceId::as_str))?;
        values.add(evidence.verified_at.micros())?;
        values.add(evidence.expires_at.micros())?;
        values.add(scope)?;
        values.add(evidence.binding.session.as_ref().map_or("", SessionId::as_str))?;
        values.add(evidence.binding.client.as_ref().map_or("", ClientId::as_str))?;
        values.add(digest)?;
        values.add(evidence.epoch)?;
        values.add(strength.as_str())?;
        values.add(evidence.source.as_deref().unwrap_or_default())?;
        values.add(evidence.used_up.then_some(evidence.verified_at.micros()))?;
    }
    Ok((insert(&TEXTS, "evidence", super::EVIDENCE, group.evidence.len()), values))
}

fn clearing(group: &Group<'_>) -> Result<Prepared, Refused> {
    static TEXTS: Texts<usize> = Texts::new();
    let clearing = || group.evidence.iter().filter(|(_, proved)| proved.clears);
    let text = TEXTS.of(clearing().count(), |count| {
        let these = vec!["(n.tenant = ? AND n.subject = ? AND n.id = ?)"; count].join(" OR ");
        format!(
            "DELETE e FROM (SELECT n.*, {OLDEST} AS oldest FROM evidence n WHERE {these}) AS n \
             JOIN evidence e ON e.tenant = n.tenant AND e.subject = n.subject AND {MAKES_ROOM}"
        )
    });
    let mut values = MySqlArguments::default();
    for (_, Proved { commit, evidence, .. }) in clearing() {
        values.add(commit.tenant.as_str())?;
        values.add(commit.subject.as_str())?;
        values.add(evidence.id.as_str())?;
    }
    Ok((text, values))
}

fn events(chain: &Chain, group: &Group<'_>) -> Result<Prepared, Refused> {
    static TEXTS: Texts<usize> = Texts::new();
    let mut values = MySqlArguments::default();
    for (_, entry) in &group.events {
        let event = entry.event;
        values.add(chain.writer())?;
        values.add(chain.link())?;
        values.add(entry.place)?;
        values.add(event.tenant.as_str())?;
        values.add(event.at.micros())?;
        values.add(event.what.as_str())?;
        values.add(event.subject.as_str())?;
        values.add(event.device.as_ref().map_or("", DeviceId::as_str))?;
        values.add(event.caller.as_str())?;
        values.add(entry.details.as_str())?;
        values.add(chain.key())?;
        values.add(chain.head())?;
        values.add(entry.mac.as_slice())?;
    }
    Ok((insert(&TEXTS, "event", EVENT, group.events.len()), values))
}
