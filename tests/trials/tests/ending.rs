//! A process that is told to end does so within its grace, whatever the database does.

// From a trial down to the driver of a database are more futures in each other than the compiler takes unasked.
#![recursion_limit = "256"]

use std::time::Duration;

use countersign_trials::authenticator::Authenticator;
use countersign_trials::database::{Engine, Server};
use countersign_trials::history::{Code, History, Sort};
use countersign_trials::sidecar::Fleet;
use countersign_trials::{Failed, place};
use tokio::time::{Instant, timeout};

/// The grace, and what comes after it: connections are closed, the last traces are sent.
const GRACE: Duration = Duration::from_secs(2);
const AND_A_LITTLE: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_ends_although_postgres_is_frozen() -> Result<(), Failed> {
    ends_although_frozen(Engine::Postgres).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_ends_although_mariadb_is_frozen() -> Result<(), Failed> {
    ends_although_frozen(Engine::MySql).await
}

async fn ends_although_frozen(engine: Engine) -> Result<(), Failed> {
    if engine.is_left_out()? {
        return Ok(());
    }
    let server = Server::start(engine, &[]).await?;
    let settings = format!("shutdown_grace = \"{}s\"\n", GRACE.as_secs());
    let mut fleet = Fleet::empty(&place::countersign(None)?)?;
    fleet.add(&server.url(), &settings).await?;
    let history = History::begin();
    let clients = fleet.clients(&history)?;
    let device = Authenticator::enroll(&clients, "alice", Sort::Counter).await?;
    server.freeze().await?;
    // One who waits for a commit, and one who waits for a reading.
    let (committing, reading) = (clients[0].clone(), clients[0].clone());
    let (text, place) = (device.text(1), device.place.clone());
    let at = place.clone();
    let under_way = [
        tokio::spawn(async move { drop(committing.verify(&place, Code::Right(1), &text, "").await) }),
        tokio::spawn(async move { drop(reading.device(&at).await) }),
    ];
    // Both have come to where the database is asked.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begun = Instant::now();
    let ended = timeout(GRACE + AND_A_LITTLE, fleet.processes[0].end()).await;
    let took = begun.elapsed();
    countersign_trials::report::progress(&format!("ended after {took:?}"));
    server.thaw().await?;
    for one in under_way {
        one.abort();
    }
    match ended {
        Ok(ended) => ended,
        Err(_) => Err(format!("{took:?} after it was told to end the process is still there").into()),
    }
}
