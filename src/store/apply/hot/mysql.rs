//! The hot commit on MySQL and MariaDB: one transaction of a statement for each table. An update does not say which
//! rows it changed, only how many: fewer than there are in the group, and all of it is given up.

use std::sync::Arc;

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr, Statement, Value};

use super::super::super::chain::Chain;
use super::super::super::entity::{self, device};
use super::super::super::primary::{Primary, Tx};
use super::super::super::texts::{Texts, size};
use super::super::{WriteError, begin, is_duplicate, is_refused};
use super::{Group, Proved, Written};
use crate::domain::ids::{ClientId, DeviceId, SessionId};
use crate::domain::moment::Moment;

const DEVICE: &str = "id, version, state, detail, failures, failed_at, used_at";
const EVENT: &str =
    "writer, link, place, tenant, at, what, subject, device, caller, details, mac_key, previous, mac";

/// Writes a group.
pub(super) async fn write(db: &Primary, chain: &Chain, group: &Group<'_>) -> Result<Written, WriteError> {
    let tx = begin(db).await.map_err(WriteError::NotBegun)?;
    let (pool, patience) = (tx.pool, db.patience());
    let written = db.in_time(pool, 2 * patience, all(&tx, chain, group)).await;
    match written {
        Ok(true) => {}
        Ok(false) => {
            // Where it cannot be rolled back its connection is gone, and it with that.
            let _ = db.in_time(pool, patience, tx.rollback()).await;
            return Ok(Written::Nothing);
        }
        Err(error) => return Err(WriteError::Failed(error)),
    }
    db.in_time(pool, patience, tx.commit()).await.map(|()| Written::All).map_err(|error| {
        if is_refused(&error) { WriteError::Failed(error) } else { WriteError::Doubt(error) }
    })
}

/// Does all of it but to commit it. `false`: something is stale or recorded.
async fn all(tx: &Tx, chain: &Chain, group: &Group<'_>) -> Result<bool, DbErr> {
    if !devices(tx, group).await? {
        return Ok(false);
    }
    if let Err(error) = records(tx, group).await {
        return if is_duplicate(&error) { Ok(false) } else { Err(error) };
    }
    evidence(tx, group).await?;
    events(tx, chain, group).await?;
    Ok(true)
}

async fn run(tx: &Tx, text: &str, values: Vec<Value>) -> Result<u64, DbErr> {
    let statement = Statement::from_sql_and_values(DbBackend::MySql, text, values);
    Ok(tx.execute_raw(statement).await?.rows_affected())
}

/// `SELECT ? AS a, ? AS b UNION ALL SELECT ?, ? …`
fn rows(columns: &str, rows: usize) -> String {
    let first: Vec<_> = columns.split(", ").map(|column| format!("? AS {column}")).collect();
    let next = format!(" UNION ALL SELECT {}", vec!["?"; first.len()].join(", "));
    format!("SELECT {}{}", first.join(", "), next.repeat(rows - 1))
}

/// A statement that inserts so many rows, but those that are nothing.
fn insert(texts: &'static Texts<usize>, table: &str, columns: &str, count: usize) -> Arc<str> {
    texts.of(size(count), |count| {
        let first = columns.split(", ").next().unwrap_or_default();
        let rows = rows(columns, count);
        format!("INSERT INTO {table} ({columns}) SELECT * FROM ({rows}) v WHERE {first} IS NOT NULL")
    })
}

/// Rows of nothing, up to the size of the text.
fn fill(values: &mut Vec<Value>, count: usize) {
    let missing = (size(count) - count) * (values.len() / count.max(1));
    values.extend(std::iter::repeat_n(Value::BigInt(None), missing));
}

async fn devices(tx: &Tx, group: &Group<'_>) -> Result<bool, DbErr> {
    static TEXTS: Texts<usize> = Texts::new();
    let count = group.devices.len();
    let text = TEXTS.of(size(count), |count| {
        format!(
            "UPDATE device d JOIN ({}) v ON d.id = v.id AND d.version = v.version - 1 \
             SET d.version = v.version, d.state = v.state, d.detail = v.detail, d.failures = v.failures, \
             d.failed_at = v.failed_at, d.used_at = v.used_at",
            rows(DEVICE, count)
        )
    });
    // In the order of their ids: two groups that share devices wait for each other instead of dying in a
    // deadlock.
    let mut devices = group.devices.clone();
    devices.sort_by(|a, b| a.id.cmp(&b.id));
    let mut values: Vec<Value> = Vec::with_capacity(size(count) * 7);
    for device in devices {
        values.extend::<[Value; 7]>([
            device.id.as_str().into(),
            device.version.into(),
            device.state.as_str().into(),
            device.detail.as_str().into(),
            device::count(device.failures).into(),
            device.failures.last_at.map(Moment::micros).into(),
            device.used_at.map(Moment::micros).into(),
        ]);
    }
    fill(&mut values, count);
    Ok(run(tx, &text, values).await? == count as u64)
}

async fn records(tx: &Tx, group: &Group<'_>) -> Result<(), DbErr> {
    static TEXTS: Texts<usize> = Texts::new();
    let count = group.records.len();
    if count == 0 {
        return Ok(());
    }
    let mut values: Vec<Value> = Vec::with_capacity(size(count) * 7);
    for (_, record) in &group.records {
        values.extend::<[Value; 7]>([
            record.tenant.as_str().into(),
            record.caller.as_str().into(),
            record.id.clone().into(),
            record.digest_key.as_str().into(),
            record.digest.clone().into(),
            record.answer.clone().into(),
            record.expires_at.into(),
        ]);
    }
    fill(&mut values, count);
    run(tx, &insert(&TEXTS, "request", super::RECORD, count), values).await.map(drop)
}

async fn evidence(tx: &Tx, group: &Group<'_>) -> Result<(), DbErr> {
    static TEXTS: Texts<usize> = Texts::new();
    let count = group.evidence.len();
    if count == 0 {
        return Ok(());
    }
    let mut values: Vec<Value> = Vec::with_capacity(size(count) * 15);
    for (_, Proved { commit, evidence, strength }) in &group.evidence {
        let (scope, digest) = entity::evidence::scope(&evidence.scope);
        values.extend::<[Value; 15]>([
            commit.tenant.as_str().into(),
            commit.subject.as_str().into(),
            evidence.id.as_str().into(),
            evidence.method.name().as_str().into(),
            evidence.method.device_id().map_or("", DeviceId::as_str).into(),
            evidence.verified_at.micros().into(),
            evidence.expires_at.micros().into(),
            scope.into(),
            evidence.binding.session.as_ref().map_or("", SessionId::as_str).into(),
            evidence.binding.client.as_ref().map_or("", ClientId::as_str).into(),
            digest.to_vec().into(),
            evidence.epoch.into(),
            strength.as_str().into(),
            evidence.source.as_deref().unwrap_or_default().into(),
            evidence.used_up.then_some(evidence.verified_at.micros()).into(),
        ]);
    }
    fill(&mut values, count);
    run(tx, &insert(&TEXTS, "evidence", super::EVIDENCE, count), values).await.map(drop)
}

async fn events(tx: &Tx, chain: &Chain, group: &Group<'_>) -> Result<(), DbErr> {
    static TEXTS: Texts<usize> = Texts::new();
    let count = group.events.len();
    let mut values: Vec<Value> = Vec::with_capacity(size(count) * 13);
    for (_, entry) in &group.events {
        let event = entry.event;
        values.extend::<[Value; 13]>([
            chain.writer().into(),
            chain.link().into(),
            entry.place.into(),
            event.tenant.as_str().into(),
            event.at.micros().into(),
            event.what.as_str().into(),
            event.subject.as_str().into(),
            event.device.as_ref().map_or("", DeviceId::as_str).into(),
            event.caller.as_str().into(),
            entry.details.as_str().into(),
            chain.key().into(),
            chain.head().to_vec().into(),
            entry.mac.to_vec().into(),
        ]);
    }
    fill(&mut values, count);
    run(tx, &insert(&TEXTS, "event", EVENT, count), values).await.map(drop)
}
