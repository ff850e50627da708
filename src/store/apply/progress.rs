//! The hot statements' common parts: values in the order of their columns, and texts that are made once for
//! each number of rows, so that the database prepares each only once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, OnceLock, RwLock};

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement, Value};

use super::super::entity::{device, event};
use crate::domain::device::Device;
use crate::domain::moment::Moment;

/// What a verification changes of a device, in the order in which the hot statements take it.
pub(super) fn values(device: &Device) -> [Value; 7] {
    [
        device.id.as_str().into(),
        device.version.into(),
        device.state.as_str().into(),
        device.detail.as_str().into(),
        device::count(device.failures).into(),
        device.failures.last_at.map(Moment::micros).into(),
        device.used_at.map(Moment::micros).into(),
    ]
}

/// Statement texts by number of rows.
pub(super) struct Texts {
    made: OnceLock<RwLock<Vec<Option<String>>>>,
}

impl Texts {
    pub(super) const fn new() -> Self {
        Self { made: OnceLock::new() }
    }

    /// The text for that many rows.
    pub(super) fn of(&self, rows: usize, make: impl FnOnce(usize) -> String) -> String {
        let texts = self.made.get_or_init(RwLock::default);
        if let Some(text) = texts.read().ok().and_then(|t| t.get(rows).cloned().flatten()) {
            return text;
        }
        let text = make(rows);
        if let Ok(mut texts) = texts.write() {
            if texts.len() <= rows {
                texts.resize(rows + 1, None);
            }
            texts[rows] = Some(text.clone());
        }
        text
    }
}

/// Statement texts by how much they hold.
pub(super) struct SharedTexts<K> {
    made: OnceLock<RwLock<HashMap<K, Arc<str>>>>,
}

impl<K: Copy + Eq + Hash> SharedTexts<K> {
    pub(super) const fn new() -> Self {
        Self { made: OnceLock::new() }
    }

    /// The text that holds so much.
    pub(super) fn of(&self, key: K, make: impl FnOnce(K) -> String) -> Arc<str> {
        let texts = self.made.get_or_init(RwLock::default);
        if let Some(text) = texts.read().ok().and_then(|texts| texts.get(&key).cloned()) {
            return text;
        }
        let text: Arc<str> = make(key).into();
        if let Ok(mut texts) = texts.write() {
            texts.insert(key, text.clone());
        }
        text
    }
}

/// `(?, ?, …), (?, ?, …), …` for databases that number parameters by place.
pub(super) fn tuples(rows: usize, columns: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    vec![row; rows].join(", ")
}

const EVENT_COLUMNS: usize = 13;
const EVENT_INSERT: &str = "INSERT INTO event (writer, link, place, tenant, at, what, subject, device, \
     caller, details, mac_key, previous, mac) VALUES ";

/// Writes events.
pub(super) async fn insert_events(tx: &DatabaseTransaction, rows: &[event::Model]) -> Result<(), DbErr> {
    static PLACED: Texts = Texts::new();
    static NUMBERED: Texts = Texts::new();
    let backend = tx.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => NUMBERED.of(rows.len(), |n| {
            let row = |r: usize| {
                let row: Vec<_> =
                    (1..=EVENT_COLUMNS).map(|c| format!("${}", r * EVENT_COLUMNS + c)).collect();
                format!("({})", row.join(", "))
            };
            EVENT_INSERT.to_owned() + &(0..n).map(row).collect::<Vec<_>>().join(", ")
        }),
        _ => PLACED.of(rows.len(), |n| EVENT_INSERT.to_owned() + &tuples(n, EVENT_COLUMNS)),
    };
    let mut values = Vec::with_capacity(rows.len() * EVENT_COLUMNS);
    for row in rows.iter().cloned() {
        values.extend::<[Value; EVENT_COLUMNS]>([
            row.writer.into(),
            row.link.into(),
            row.place.into(),
            row.tenant.into(),
            row.at.into(),
            row.what.into(),
            row.subject.into(),
            row.device.into(),
            row.caller.into(),
            row.details.into(),
            row.mac_key.into(),
            row.previous.into(),
            row.mac.into(),
        ]);
    }
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(())
}
