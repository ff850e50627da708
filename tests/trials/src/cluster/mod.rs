//! The trials on clusters of databases.
//!
//! | module | what is in it |
//! |---|---|
//! | [`patroni`], [`galera`], [`pgbouncer`] | a cluster that is made, broken and mended |
//! | [`failover`] | leaders of a Patroni cluster are killed |
//! | [`primaries`] | a Galera cluster: races, nodes that leave it, nodes that are killed |
//! | [`pooled`] | a pooler between: races, and kills of it |
//! | [`traffic`] | users who verify meanwhile |

pub mod daemon;
pub mod failover;
pub mod galera;
pub mod patroni;
pub mod pgbouncer;
pub mod pooled;
pub mod primaries;
pub mod traffic;

use std::path::Path;

use self::failover::Failover;
use self::pooled::Pooled;
use self::primaries::Primaries;
use crate::Failed;
use crate::report::Report;

/// A cluster to try.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Cluster {
    /// Three PostgreSQL servers under Patroni with synchronous replication: the leader is killed
    Patroni(Failover),
    /// Three MariaDB servers under Galera, a process on each: races, nodes cut off, nodes killed
    Galera(Primaries),
    /// PgBouncer in transaction mode before PostgreSQL: races, the pooler killed
    Pgbouncer(Pooled),
}

/// Tries one.
///
/// # Errors
/// The trial does not come to its end.
pub async fn run(binary: &Path, cluster: &Cluster) -> Result<Report, Failed> {
    match cluster {
        Cluster::Patroni(failover) => failover::run(binary, failover).await,
        Cluster::Galera(primaries) => primaries::run(binary, primaries).await,
        Cluster::Pgbouncer(pooled) => pooled::run(binary, pooled).await,
    }
}
