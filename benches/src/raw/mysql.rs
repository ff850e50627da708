//! MariaDB: one transaction of prepared statements for each code, on many connections at once.
//!
//! On copies of the product's tables, in a database of their own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::sqlx::mysql::MySqlConnection;
use sea_orm::sqlx::{self, Connection as _, Executor as _};
use tokio::task::JoinSet;

use super::Limit;
use crate::{Failed, fleet};

/// What is to be written.
#[derive(Debug, Clone, clap::Args)]
pub struct Order {
    /// The database's URL.
    #[arg(long)]
    pub database: String,
    /// Connections, each with its own share of the devices.
    #[arg(long)]
    pub connections: usize,
    /// For how long.
    #[arg(long)]
    pub seconds: f64,
    /// Devices.
    #[arg(long)]
    pub devices: usize,
}

/// What makes the tables, from those that the product made.
pub const PREPARE: &str = "CREATE DATABASE raw; \
     CREATE TABLE raw.device LIKE test.device; INSERT INTO raw.device SELECT * FROM test.device; \
     CREATE TABLE raw.event LIKE test.event; CREATE TABLE raw.evidence LIKE test.evidence";

const UPDATE: &str = "UPDATE device SET version = ?, state = ?, detail = ?, failures = ?, failed_at = ?, \
                      used_at = ? WHERE id = ? AND version = ?";
const PROVE: &str = "INSERT INTO evidence (tenant, subject, id, method, device, verified_at, expires_at, scope, \
                     session, client, digest, epoch, strength, source) \
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const TELL: &str = "INSERT INTO event (writer, link, place, tenant, at, what, subject, device, caller, \
                    details, mac_key, previous, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

struct Row {
    id: String,
    subject: String,
    session: String,
    version: i64,
}

/// Writes and says how fast.
pub async fn run(order: &Order) -> Result<Limit, Failed> {
    let mut first = MySqlConnection::connect(&order.database).await?;
    // Ids are compared by bytes there, and so come as bytes.
    let versions: Vec<(Vec<u8>, i64)> =
        sqlx::query_as("SELECT id, version FROM device").fetch_all(&mut first).await?;
    first.close().await?;
    let versions: std::collections::HashMap<_, _> = versions.into_iter().collect();
    let mut shares: Vec<Vec<Row>> = (0..order.connections).map(|_| Vec::new()).collect();
    for number in 0..order.devices {
        let member = fleet::member(number);
        let id = member.id.as_str().to_owned();
        let version = *versions.get(id.as_bytes()).ok_or("a device is missing")?;
        let (subject, session) = (member.subject.as_str().to_owned(), fleet::session(&member));
        shares[number % order.connections].push(Row { id, subject, session, version });
    }
    let mut ready = Vec::new();
    for share in shares {
        ready.push((MySqlConnection::connect(&order.database).await?, share));
    }
    let strength: Arc<str> = super::strength()?.into();
    let begin = Instant::now();
    let end = begin + Duration::from_secs_f64(order.seconds);
    let mut under_way = JoinSet::new();
    for (connection, share) in ready {
        under_way.spawn(write(connection, share, strength.clone(), end));
    }
    let mut took = Vec::new();
    while let Some(done) = under_way.join_next().await {
        took.extend(done??);
    }
    Ok(Limit::of(took, 1, begin))
}

async fn write(
    mut connection: MySqlConnection,
    mut rows: Vec<Row>,
    strength: Arc<str>,
    end: Instant,
) -> Result<Vec<Duration>, Failed> {
    let writer = fleet::evidence_id().as_str().to_owned();
    let mut took = Vec::new();
    for link in 0_i64.. {
        let sent = Instant::now();
        if sent >= end {
            break;
        }
        let at = 1_700_000_000_000_000_i64 + link;
        let place = usize::try_from(link)? % rows.len();
        let row = &mut rows[place];
        row.version += 1;
        connection.execute("BEGIN").await?;
        let changed = sqlx::query(UPDATE)
            .bind(row.version)
            .bind("active")
            .bind(super::detail(u64::try_from(row.version)?)?)
            .bind(0)
            .bind(None::<i64>)
            .bind(at)
            .bind(&row.id)
            .bind(row.version - 1)
            .execute(&mut connection)
            .await?;
        if changed.rows_affected() != 1 {
            return Err("a device is not at the version that was read".into());
        }
        sqlx::query(PROVE)
            .bind("default")
            .bind(&row.subject)
            .bind(fleet::evidence_id().as_str())
            .bind("hotp")
            .bind(&row.id)
            .bind(at)
            .bind(at + 43_200_000_000)
            .bind("session")
            .bind(&row.session)
            .bind("")
            .bind([0_u8; 0].as_slice())
            .bind(0)
            .bind(&*strength)
            .bind("")
            .execute(&mut connection)
            .await?;
        sqlx::query(TELL)
            .bind(&writer)
            .bind(link)
            .bind(0)
            .bind("default")
            .bind(at)
            .bind("proof.accepted")
            .bind(&row.subject)
            .bind(&row.id)
            .bind("bench")
            .bind(r#"{"kind":"hotp"}"#)
            .bind("kabcdefgh")
            .bind([1_u8; 32].as_slice())
            .bind([2_u8; 32].as_slice())
            .execute(&mut connection)
            .await?;
        connection.execute("COMMIT").await?;
        took.push(sent.elapsed());
    }
    connection.close().await?;
    Ok(took)
}
