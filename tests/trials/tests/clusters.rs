//! The trials on clusters in short, as far as a run of all tests has room for: behind a pooler. The others are
//! commands: `cargo run -p countersign-trials -- clusters --help`.

// From a trial down to the driver of a database are more futures in each other than the compiler takes unasked.
#![recursion_limit = "256"]

use countersign_trials::cluster::pgbouncer::prepares;
use countersign_trials::cluster::pooled::{self, Pooled};
use countersign_trials::cluster::primaries;
use countersign_trials::database::Engine;
use countersign_trials::race::Race;
use countersign_trials::{Failed, place};

const PGBOUNCER: &str = "pgbouncer";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pooler_that_is_killed_the_promises_are_kept() -> Result<(), Failed> {
    if Engine::Postgres.is_left_out()? {
        return Ok(());
    }
    let race = Race { rounds: 2, tries: 100 };
    let pooled = Pooled { pgbouncer: PGBOUNCER.to_owned(), kills: 3, users: 6, race };
    let report = Box::pin(pooled::run(&place::countersign(None)?, &pooled)).await?;
    if report.is_good() { Ok(()) } else { Err(report.to_string().into()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_mixes_up_prepared_statements_is_refused() -> Result<(), Failed> {
    if Engine::Postgres.is_left_out()? || prepares(PGBOUNCER).await? {
        return Ok(());
    }
    let refused = Box::pin(pooled::refusal(&place::countersign(None)?, PGBOUNCER)).await?;
    let said = refused.ok_or("it starts")?;
    if said.contains("prepared statement") { Ok(()) } else { Err(said.into()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs galera-4, mariadb-server and rsync: tests/run --test clusters -- --ignored"]
async fn processes_that_start_at_once_on_an_empty_galera_cluster_all_serve() -> Result<(), Failed> {
    let report = Box::pin(primaries::run_starts(&place::countersign(None)?, 5)).await?;
    if report.is_good() { Ok(()) } else { Err(report.to_string().into()) }
}
