//! Devices that nobody verifies, as many as it takes, between those that somebody does.
//!
//! Their rows are copies of a real one with ids and subjects of their own. They are written in bulk, without the
//! indexes that can be made afterwards: what comes out is what one by one would, in a hundredth of the time.

use countersign::domain::ids::DeviceId;
use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, params_from_iter};

use crate::database::{Database, Engine};
use crate::{Failed, fleet};

/// PostgreSQL's settings while it is filled: nothing of it has to survive.
pub const QUICK: [&str; 6] = [
    "fsync=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=20GB",
    "maintenance_work_mem=1GB",
    "autovacuum=off",
];

/// PostgreSQL's setting for a database of that size: a quarter of the memory, as its manual advises. What it has by
/// default is for a database that is small.
pub fn memory() -> Result<String, Failed> {
    let all = std::fs::read_to_string("/proc/meminfo")?;
    let total = all.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next());
    let kib: u64 = total.ok_or("no MemTotal")?.parse()?;
    Ok(format!("shared_buffers={}kB", kib / 4))
}

/// Half of the letters that ids are made of, in their order, evenly spread: what hexadecimal digits become.
const LETTERS: &str = "246acegikmoqsuwy";

/// A prime: multiples of it, modulo a number of devices, are all of them in another order.
const JUMP: usize = 2_654_435_761;

/// Fills a database up to so many devices; every `stride`th is there.
pub fn fill(database: &Database, all: usize, stride: usize) -> Result<(), Failed> {
    match database.engine {
        Engine::Sqlite => sqlite(database, all, stride),
        Engine::Postgres => postgres(database, all, stride),
        Engine::Mariadb => Err("MariaDB is not filled".into()),
    }
}

fn postgres(database: &Database, all: usize, stride: usize) -> Result<(), Failed> {
    if stride > 1 {
        // The real ones find their places between the others, in the order of the rows too.
        database.ask(&format!(
            "BEGIN; \
             CREATE TABLE device_real AS SELECT * FROM device; \
             CREATE TABLE subject_real AS SELECT * FROM subject; \
             TRUNCATE device, subject; \
             ALTER TABLE device DROP CONSTRAINT device_pkey; \
             DROP INDEX device_expires_at, device_subject_name; \
             ALTER TABLE subject DROP CONSTRAINT subject_pkey; \
             DROP INDEX subject_failed_at; \
             INSERT INTO device SELECT \
             coalesce(r.id, left(translate(md5(n::text), '0123456789abcdef', '{LETTERS}'), 26)), \
             one.tenant, 'subject-' || lpad(n::text, 8, '0'), one.kind, one.name, one.state, one.preferred, \
             one.detail, coalesce(r.secret, one.secret), one.version, one.epoch, one.failures, one.failed_at, \
             one.created_at, one.confirmed_at, one.used_at, one.expires_at \
             FROM generate_series(0, {all} - 1) n \
             CROSS JOIN (SELECT * FROM device_real LIMIT 1) one \
             LEFT JOIN device_real r ON r.subject = 'subject-' || lpad(n::text, 8, '0'); \
             INSERT INTO subject SELECT one.tenant, 'subject-' || lpad(n::text, 8, '0'), one.version, \
             one.failures, one.failed_at, one.epoch, one.enrolled_at, one.graced_at, \
             one.opened_session, one.opened_at, one.signed_out_at, one.forgiven \
             FROM generate_series(0, {all} - 1) n CROSS JOIN (SELECT * FROM subject_real LIMIT 1) one; \
             DROP TABLE device_real, subject_real; \
             ALTER TABLE device ADD CONSTRAINT device_pkey PRIMARY KEY (id); \
             CREATE INDEX device_expires_at ON device (expires_at); \
             CREATE UNIQUE INDEX device_subject_name ON device (tenant, subject, name); \
             ALTER TABLE subject ADD CONSTRAINT subject_pkey PRIMARY KEY (tenant, subject); \
             CREATE INDEX subject_failed_at ON subject (failed_at); \
             COMMIT"
        ))?;
    }
    database.ask("VACUUM ANALYZE")?;
    database.ask("CHECKPOINT").map(drop)
}

fn sqlite(database: &Database, all: usize, stride: usize) -> Result<(), Failed> {
    let mut db = Connection::open(database.file())?;
    if stride > 1 {
        // Written once, and not into a log first.
        db.execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -4000000",
        )?;
        let indexes = indexes(&db)?;
        for (name, _) in &indexes {
            db.execute_batch(&format!("DROP INDEX \"{name}\""))?;
        }
        let tx = db.transaction()?;
        devices(&tx, all, stride)?;
        subjects(&tx, all)?;
        tx.commit()?;
        for (_, text) in &indexes {
            db.execute_batch(text)?;
        }
    }
    Ok(db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_checkpoint(TRUNCATE)")?)
}

/// The indexes of what is filled, and what makes them.
fn indexes(db: &Connection) -> Result<Vec<(String, String)>, Failed> {
    let mut select = db.prepare(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL \
         AND tbl_name IN ('device', 'subject')",
    )?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A row, and where some columns stand in it.
type First<const N: usize> = (Vec<Value>, [usize; N]);

/// The first row of a table, to be copied, and where each of these columns stands in it.
fn first<const N: usize>(
    db: &Connection,
    table: &str,
    columns: [&str; N],
) -> Result<Option<First<N>>, Failed> {
    let mut select = db.prepare(&format!("SELECT * FROM {table} LIMIT 1"))?;
    let names: Vec<String> = select.column_names().into_iter().map(str::to_owned).collect();
    let mut rows = select.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let values = (0..names.len()).map(|place| row.get(place)).collect::<Result<_, _>>()?;
    Ok(Some((values, columns.map(|column| names.iter().position(|name| name == column).unwrap_or(0)))))
}

fn insert(table: &str, columns: usize) -> String {
    format!("INSERT OR IGNORE INTO {table} VALUES ({})", vec!["?"; columns].join(", "))
}

fn devices(tx: &Transaction<'_>, all: usize, stride: usize) -> Result<(), Failed> {
    let (mut row, [id, subject]) = first(tx, "device", ["id", "subject"])?.ok_or("there is no device")?;
    let mut statement = tx.prepare(&insert("device", row.len()))?;
    let apart = u128::MAX / all as u128;
    for place in 0..all {
        // Ids go up, so that each row is written beside the last; whose they are jumps, as it does with random ids.
        let number = place * JUMP % all;
        if number.is_multiple_of(stride) {
            continue;
        }
        let bits = (apart * place as u128).to_be_bytes();
        row[id] = Value::Text(DeviceId::from_entropy(bits).as_str().to_owned());
        row[subject] = Value::Text(fleet::subject(number).as_str().to_owned());
        statement.execute(params_from_iter(&row))?;
    }
    Ok(())
}

fn subjects(tx: &Transaction<'_>, all: usize) -> Result<(), Failed> {
    let Some((mut row, [subject])) = first(tx, "subject", ["subject"])? else { return Ok(()) };
    let mut statement = tx.prepare(&insert("subject", row.len()))?;
    for number in 0..all {
        row[subject] = Value::Text(fleet::subject(number).as_str().to_owned());
        statement.execute(params_from_iter(&row))?;
    }
    Ok(())
}
