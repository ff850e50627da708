//! SQLite, through its own interface, on one thread, with the durability and the page cache of the product.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

use rusqlite::{Connection, params};

use super::Limit;
use crate::{Failed, fleet};

/// What is to be written.
#[derive(Debug, Clone, clap::Args)]
pub struct Order {
    /// The database.
    #[arg(long)]
    pub file: PathBuf,
    /// Verifications in a transaction.
    #[arg(long)]
    pub group: usize,
    /// For how long.
    #[arg(long)]
    pub seconds: f64,
    /// Devices, one after the other.
    #[arg(long, default_value_t = 4096)]
    pub devices: usize,
}

const UPDATE: &str = "UPDATE device SET version = ?2, state = ?3, detail = ?4, failures = ?5, failed_at = ?6, \
                      used_at = ?7 WHERE id = ?1 AND version = ?2 - 1";
const INSERT: &str = "INSERT INTO event (writer, link, place, tenant, at, what, subject, device, caller, \
                      details, mac_key, previous, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const PROVE: &str = "INSERT INTO evidence (tenant, subject, id, method, device, verified_at, expires_at, scope, \
                     session, client, digest, epoch, strength, source) \
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

struct Row {
    id: String,
    subject: String,
    session: String,
    version: i64,
}

/// Writes and says how fast.
pub fn run(order: &Order) -> Result<Limit, Failed> {
    let db = Connection::open(&order.file)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    let mut rows = rows(&db, order.devices)?;
    let mut begin = db.prepare("BEGIN IMMEDIATE")?;
    let mut commit = db.prepare("COMMIT")?;
    let mut update = db.prepare(UPDATE)?;
    let mut insert = db.prepare(INSERT)?;
    let mut prove = db.prepare(PROVE)?;
    let strength = super::strength()?;
    let started = Instant::now();
    let writer = format!("{:026}", started.elapsed().as_nanos() ^ u128::from(std::process::id()));
    let (mut next, mut took) = (0, Vec::new());
    for link in 0_i64.. {
        let since = started.elapsed();
        if since.as_secs_f64() >= order.seconds {
            break;
        }
        let at = 1_700_000_000_000_000_i64 + i64::try_from(since.as_micros())?;
        begin.execute([])?;
        for place in 0..i64::try_from(order.group)? {
            let row = &mut rows[next];
            next = (next + 1) % order.devices;
            row.version += 1;
            let counter = u64::try_from(row.version)?;
            let detail = super::detail(counter)?;
            let none: Option<i64> = None;
            let changed = update.execute(params![row.id, row.version, "active", detail, 0, none, at])?;
            if changed != 1 {
                return Err("a device is not at the version that was read".into());
            }
            let id = fleet::evidence_id();
            prove.execute(params![
                "default",
                row.subject,
                id.as_str(),
                "hotp",
                row.id,
                at,
                at + 43_200_000_000,
                "session",
                row.session,
                "",
                [0_u8; 0],
                0,
                strength,
                "",
            ])?;
            insert.execute(params![
                writer,
                link,
                place,
                "default",
                at,
                "proof.accepted",
                row.subject,
                row.id,
                "bench",
                r#"{"kind":"hotp"}"#,
                "kabcdefgh",
                [1_u8; 32],
                [2_u8; 32],
            ])?;
        }
        commit.execute([])?;
        took.push(started.elapsed().saturating_sub(since));
    }
    Ok(Limit::of(took, order.group, started))
}

/// The devices, in the order in which the load generator takes them.
fn rows(db: &Connection, devices: usize) -> Result<Vec<Row>, Failed> {
    let mut select = db.prepare("SELECT id, version FROM device")?;
    let versions = select
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?
        .collect::<Result<HashMap<_, _>, _>>()?;
    let row = |number| {
        let member = fleet::member(number);
        let version = *versions.get(member.id.as_str()).ok_or("a device is missing")?;
        let session = fleet::session(&member);
        let (id, subject) = (member.id.as_str().to_owned(), member.subject.as_str().to_owned());
        Ok(Row { id, subject, session, version })
    };
    (0..devices).map(row).collect()
}
