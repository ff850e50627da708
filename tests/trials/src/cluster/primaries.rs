//! Three Galera primaries, with a process on each: processes that start at once on an empty database, races over all
//! of them, a node that is cut off from the others, nodes that are killed.

use std::path::Path;
use std::time::Duration;

use tokio::task::JoinSet;

use super::daemon::until;
use super::galera::{Galera, NODES};
use super::traffic::{Traffic, judge, say_gaps};
use crate::Failed;
use crate::authenticator::{Authenticator, chance, request_id};
use crate::client::Client;
use crate::database::{Database, Elsewhere, sql};
use crate::history::{Answer, Code, History, Sort};
use crate::race::{self, Race};
use crate::report::{Report, progress};
use crate::sidecar::Fleet;
use crate::trial::{Ground, Trial};

/// How long a process may take to see that its node left, or is back.
const PATIENCE: Duration = Duration::from_secs(30);
/// Codes that are offered to a process whose node has left.
const OFFERS: u64 = 20;

/// How to try a Galera cluster.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Primaries {
    /// How often three processes start at once on an empty database
    #[arg(long, default_value_t = 10)]
    pub starts: usize,
    /// How often a node is cut off and comes back
    #[arg(long, default_value_t = 3)]
    pub cuts: usize,
    /// How often a node is killed
    #[arg(long, default_value_t = 5)]
    pub kills: usize,
    /// Users who verify meanwhile
    #[arg(long, default_value_t = 12)]
    pub users: usize,
    /// How to race
    #[command(flatten)]
    pub race: Race,
}

/// Starts processes at once, races, cuts nodes off, kills nodes.
///
/// # Errors
/// The trial does not come to its end.
pub async fn run(binary: &Path, primaries: &Primaries) -> Result<Report, Failed> {
    let mut cluster = Galera::start().await?;
    let mut report = Report::of("galera: three primaries, a process on each");
    report.say(cluster.versions().await?.join(", "));
    if primaries.starts > 0 {
        report.add(starts(binary, &cluster, primaries.starts).await?);
    }
    if primaries.race.rounds > 0 {
        report.add(race(binary, &cluster, primaries).await?);
    }
    report.add(cuts(binary, &cluster, primaries).await?);
    report.add(kills(binary, &mut cluster, primaries).await?);
    cluster.stop().await?;
    Ok(report)
}

/// Starts a cluster, and on it only the processes that start at once.
///
/// # Errors
/// The trial does not come to its end.
pub async fn run_starts(binary: &Path, rounds: usize) -> Result<Report, Failed> {
    let cluster = Galera::start().await?;
    let report = starts(binary, &cluster, rounds).await?;
    cluster.stop().await?;
    Ok(report)
}

/// Three processes start at the same moment, each on its own node of an empty database: all serve, and the schema is
/// there once.
async fn starts(binary: &Path, cluster: &Galera, rounds: usize) -> Result<Report, Failed> {
    let mut report = Report::of(format!("galera: {NODES} processes start at once, {rounds} times"));
    for round in 0..rounds {
        progress(&format!("start {} of {rounds}", round + 1));
        let name = format!("starts{round}");
        cluster.create(&name).await?;
        let mut fleet = Fleet::empty(binary)?;
        let urls: Vec<_> = (0..NODES).map(|node| cluster.url_of(node, &name)).collect();
        if let Err(error) = fleet.add_at_once(&urls).await {
            report.violation(format!("start {round}: {error}"));
            continue;
        }
        let clients = fleet.clients(&History::begin())?;
        for client in &clients {
            Authenticator::enroll(std::slice::from_ref(client), "alice", Sort::Counter).await?;
        }
        let url = &urls[round % NODES];
        for (what, wanted) in [("meta", 1), ("device", 3)] {
            let found = sql::count(url, what).await?;
            if found != wanted {
                report.violation(format!("start {round}: {found} rows in {what}, and not {wanted}"));
            }
        }
        fleet.end().await?;
    }
    Ok(report)
}

async fn race(binary: &Path, cluster: &Galera, primaries: &Primaries) -> Result<Report, Failed> {
    cluster.create("race").await?;
    let urls = (0..NODES).map(|node| cluster.url_of(node, "race")).collect();
    race::run(ground(binary, urls, cluster.url_of(0, "race")), &primaries.race).await
}

/// A process on each node.
fn ground(binary: &Path, urls: Vec<String>, look: String) -> Ground {
    let database = Database::Elsewhere(Elsewhere { urls, look, settings: String::new() });
    Ground { binary: binary.to_owned(), database, processes: NODES }
}

/// A node is cut off: its process, which knows no other, accepts nothing and says that it is not ready, the
/// others go on; when the node is back, so is the process.
async fn cuts(binary: &Path, cluster: &Galera, primaries: &Primaries) -> Result<Report, Failed> {
    cluster.create("cuts").await?;
    let mut report = Report::of(format!("galera: a node cut off {} times", primaries.cuts));
    let urls = (0..NODES).map(|node| cluster.url_of(node, "cuts")).collect();
    let trial = Trial::begin(ground(binary, urls, cluster.url_of(0, "cuts")), "").await?;
    let mut traffic = Traffic::begin(&trial, primaries.users);
    let mut devices = Vec::new();
    for cut in 0..primaries.cuts {
        traffic.more(100 + chance(200)).await?;
        let (node, others) =
            (cut % NODES, (0..NODES).filter(|node| *node != cut % NODES).collect::<Vec<_>>());
        progress(&format!("cut {} of {}: node {node}", cut + 1, primaries.cuts));
        let victim = Authenticator::enroll(&trial.clients, &format!("victim {cut}"), Sort::Counter).await?;
        cluster.isolate(node, true).await?;
        becomes_ready(&trial, node, false).await?;
        let since = trial.history.now();
        for told in offers(&trial.clients[node], &victim).await {
            if told != Answer::Lost("STORE_UNAVAILABLE".to_owned()) {
                report.violation(format!("a node that is cut off: a code is told {told:?}"));
            }
        }
        traffic.all_accept(&others, since).await?;
        cluster.isolate(node, false).await?;
        becomes_ready(&trial, node, true).await?;
        traffic.all_accept(&[node], trial.history.now()).await?;
        devices.push(victim);
    }
    devices.extend(traffic.end().await?);
    judge(&trial, &devices, &mut report).await?;
    // A process must end when it is told to, with its node and without.
    cluster.isolate(NODES - 1, true).await?;
    trial.end().await?;
    cluster.isolate(NODES - 1, false).await?;
    Ok(report)
}

/// Nodes are killed: each process knows all of them, prefers its own, and goes on with another.
async fn kills(binary: &Path, cluster: &mut Galera, primaries: &Primaries) -> Result<Report, Failed> {
    cluster.create("kills").await?;
    let mut report = Report::of(format!("galera: a node killed {} times", primaries.kills));
    let urls = (0..NODES).map(|node| cluster.url_from(node, "kills")).collect();
    let trial = Trial::begin(ground(binary, urls, cluster.url_of(0, "kills")), "").await?;
    let mut traffic = Traffic::begin(&trial, primaries.users);
    let mut killed_at = Vec::new();
    for kill in 0..primaries.kills {
        traffic.more(100 + chance(400)).await?;
        let node = kill % NODES;
        progress(&format!("kill {} of {}: node {node}", kill + 1, primaries.kills));
        killed_at.push(trial.history.now());
        cluster.kill(node).await?;
        traffic.all_accept(&[0, 1, 2], trial.history.now()).await?;
        cluster.restart(node).await?;
    }
    let devices = traffic.end().await?;
    say_gaps(&trial.history.calls(), &killed_at, &mut report);
    judge(&trial, &devices, &mut report).await?;
    trial.end().await?;
    Ok(report)
}

/// Offers many codes of a device at once, the used one with them.
async fn offers(client: &Client, device: &Authenticator) -> Vec<Answer> {
    let mut all = JoinSet::new();
    for number in 0..OFFERS {
        let (client, place, text) = (client.clone(), device.place.clone(), device.text(number));
        let id = request_id();
        all.spawn(async move { client.verify(&place, Code::Right(number), &text, &id).await });
    }
    all.join_all().await
}

/// Waits until a process says that it is ready, or that it is not.
async fn becomes_ready(trial: &Trial, process: usize, is_ready: bool) -> Result<(), Failed> {
    until("the process's seeing it", PATIENCE, async || {
        Ok(trial.fleet.processes[process].is_ready().await == is_ready)
    })
    .await
}
