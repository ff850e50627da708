//! PgBouncer between the processes and PostgreSQL: races, and kills of the pooler. In transaction mode, where it
//! hands prepared statements on; an older one can only be used in session mode.

use std::path::Path;

use super::pgbouncer::{Mode, PgBouncer, prepares, version};
use super::traffic::{Traffic, judge, say_gaps};
use crate::Failed;
use crate::authenticator::chance;
use crate::database::{Database, Elsewhere, Engine, Server};
use crate::race::{self, Race};
use crate::report::{Report, progress};
use crate::trial::{Ground, Trial};

/// What a process is to be told behind a pooler, which sets nothing for one client: the limits of time are the
/// role's own then.
const SETTINGS: &str = "database.statement_timeout = \"0s\"\ndatabase.lock_timeout = \"0s\"\n";

/// How to try a pooler.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Pooled {
    /// The PgBouncer to try: from 1.21 on in transaction mode, an older one in session mode
    #[arg(long, default_value = "pgbouncer")]
    pub pgbouncer: String,
    /// How often it is killed
    #[arg(long, default_value_t = 5)]
    pub kills: usize,
    /// Users who verify meanwhile
    #[arg(long, default_value_t = 12)]
    pub users: usize,
    /// How to race
    #[command(flatten)]
    pub race: Race,
}

/// Races, then kills the pooler during verifications.
///
/// # Errors
/// The trial does not come to its end.
pub async fn run(binary: &Path, pooled: &Pooled) -> Result<Report, Failed> {
    let mode = if prepares(&pooled.pgbouncer).await? { Mode::Transaction } else { Mode::Session };
    let mut report = Report::of(format!("pgbouncer: {mode:?} mode before PostgreSQL"));
    report.say(version(&pooled.pgbouncer).await?);
    report.add(race(binary, pooled, mode).await?);
    report.add(kills(binary, pooled, mode).await?);
    Ok(report)
}

/// What becomes of a process behind a pooler in transaction mode that hands no prepared statements on: it must not
/// start, since statements of one connection would be carried out as those of another. Gives what it says.
///
/// # Errors
/// The trial does not come to its end.
pub async fn refusal(binary: &Path, program: &str) -> Result<Option<String>, Failed> {
    let server = server().await?;
    let pooler = PgBouncer::start(program, server.port, Mode::Transaction).await?;
    let refused = Trial::begin(ground(binary, &server, &pooler), "").await.err();
    pooler.stop().await?;
    server.stop().await?;
    Ok(refused.map(|error| error.to_string()))
}

async fn race(binary: &Path, pooled: &Pooled, mode: Mode) -> Result<Report, Failed> {
    let server = server().await?;
    let pooler = PgBouncer::start(&pooled.pgbouncer, server.port, mode).await?;
    let report = race::run(ground(binary, &server, &pooler), &pooled.race).await;
    pooler.stop().await?;
    server.stop().await?;
    report
}

async fn kills(binary: &Path, pooled: &Pooled, mode: Mode) -> Result<Report, Failed> {
    let server = server().await?;
    let mut pooler = PgBouncer::start(&pooled.pgbouncer, server.port, mode).await?;
    let mut report = Report::of(format!("pgbouncer: killed {} times during verifications", pooled.kills));
    let trial = Trial::begin(ground(binary, &server, &pooler), "").await?;
    let mut traffic = Traffic::begin(&trial, pooled.users);
    let mut killed_at = Vec::new();
    for kill in 0..pooled.kills {
        traffic.more(100 + chance(400)).await?;
        progress(&format!("kill {} of {}", kill + 1, pooled.kills));
        killed_at.push(trial.history.now());
        pooler.kill().await?;
        pooler.restart().await?;
        traffic.all_accept(&[0, 1, 2], trial.history.now()).await?;
    }
    let devices = traffic.end().await?;
    say_gaps(&trial.history.calls(), &killed_at, &mut report);
    judge(&trial, &devices, &mut report).await?;
    trial.end().await?;
    pooler.stop().await?;
    server.stop().await?;
    Ok(report)
}

fn ground(binary: &Path, server: &Server, pooler: &PgBouncer) -> Ground {
    let database = Database::Elsewhere(Elsewhere {
        urls: vec![pooler.url()],
        look: server.url(),
        settings: SETTINGS.to_owned(),
    });
    Ground { binary: binary.to_owned(), database, processes: 3 }
}

/// A server whose role has the limits of time that each connection would set without a pooler.
async fn server() -> Result<Server, Failed> {
    let server = Server::start(Engine::Postgres, &[]).await?;
    for setting in [
        "statement_timeout = '5s'",
        "lock_timeout = '2s'",
        "idle_in_transaction_session_timeout = '5s'",
        "plan_cache_mode = 'force_generic_plan'",
    ] {
        server.execute(&format!("ALTER ROLE test SET {setting}")).await?;
    }
    Ok(server)
}
