//! A Patroni leader is killed during verifications, again and again.

use std::path::Path;

use super::patroni::{Patroni, Replication};
use super::traffic::{Traffic, judge, say_gaps};
use crate::Failed;
use crate::authenticator::chance;
use crate::database::{Database, Elsewhere, sql};
use crate::report::{Report, progress};
use crate::trial::{Ground, Trial};

/// How to kill leaders.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Failover {
    /// How often the leader is killed
    #[arg(long, default_value_t = 5)]
    pub kills: usize,
    /// Users who verify meanwhile
    #[arg(long, default_value_t = 12)]
    pub users: usize,
    /// Processes that serve
    #[arg(long, default_value_t = 3)]
    pub processes: usize,
}

/// Kills leaders of a cluster that loses nothing: each time another member leads, every process moves to it by
/// itself, and the one that was killed comes back.
///
/// # Errors
/// The trial does not come to its end.
pub async fn run(binary: &Path, failover: &Failover) -> Result<Report, Failed> {
    let mut cluster = Patroni::start(Replication::Synchronous).await?;
    let mut report = Report::of(format!(
        "patroni: the leader killed {} times during verifications, {} processes",
        failover.kills, failover.processes
    ));
    report.say(cluster.versions().await?.join(", "));
    let database = Database::Elsewhere(Elsewhere {
        urls: vec![cluster.url()],
        look: String::new(),
        settings: String::new(),
    });
    let ground = Ground { binary: binary.to_owned(), database, processes: failover.processes };
    let mut trial = Trial::begin(ground, "").await?;
    let mut traffic = Traffic::begin(&trial, failover.users);
    let everyone: Vec<usize> = (0..failover.processes).collect();
    let mut killed_at = Vec::new();
    for kill in 0..failover.kills {
        traffic.more(100 + chance(400)).await?;
        let leader = cluster.leader().await.ok_or("nobody leads")?;
        killed_at.push(trial.history.now());
        cluster.kill(leader).await?;
        progress(&format!("kill {} of {}: n{leader}", kill + 1, failover.kills));
        // Whoever is killed is brought back only when the others go on without it.
        traffic.more(100).await?;
        traffic.all_accept(&everyone, trial.history.now()).await?;
        cluster.restart(leader)?;
        cluster.whole().await?;
    }
    let devices = traffic.end().await?;
    say_gaps(&trial.history.calls(), &killed_at, &mut report);
    let leader = cluster.leader().await.ok_or("nobody leads")?;
    // Past the processes, it is looked at where the truth is in the end.
    let look = cluster.url_of(leader);
    if let Database::Elsewhere(elsewhere) = &mut trial.database {
        elsewhere.look.clone_from(&look);
    }
    judge(&trial, &devices, &mut report).await?;
    let forgotten = sql::count(&look, "event WHERE what = 'device.rolled_back'").await?;
    if forgotten > 0 {
        report.violation(format!("{forgotten} devices were found older than they were"));
    }
    trial.end().await?;
    cluster.stop().await?;
    Ok(report)
}
