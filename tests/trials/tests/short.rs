//! The trials in short, on every database: a few rounds, kills and seconds of each. The long ones are a command:
//! `cargo run -p countersign-trials -- --help`.

// From a trial down to the driver of a database are more futures in each other than the compiler takes unasked.
#![recursion_limit = "256"]

use countersign_trials::database::{Database, Engine};
use countersign_trials::guess::{self, Guess};
use countersign_trials::kill::{self, Kill};
use countersign_trials::race::{self, Race};
use countersign_trials::report::Report;
use countersign_trials::soak::{self, Soak};
use countersign_trials::trial::Ground;
use countersign_trials::{Failed, place};

/// Mounts trials for every database.
macro_rules! on_every_database {
    ($($trial:ident),+ $(,)?) => {
        on_every_database!(@ sqlite Sqlite $($trial)+);
        on_every_database!(@ postgres Postgres $($trial)+);
        on_every_database!(@ mysql MySql $($trial)+);
    };
    (@ $name:ident $engine:ident $($trial:ident)+) => {
        mod $name {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $trial() -> Result<(), super::Failed> {
                    let engine = super::Engine::$engine;
                    if engine.is_left_out()? {
                        return Ok(());
                    }
                    let report = Box::pin(super::$trial(engine)).await?;
                    if report.is_good() { Ok(()) } else { Err(report.to_string().into()) }
                }
            )+
        }
    };
}

on_every_database!(
    one_of_many_that_offer_a_code_is_accepted,
    kills_lose_nothing_and_no_code_works_twice,
    guesses_are_judged_as_the_back_off_allows,
    everything_at_once_with_faults_keeps_the_promises,
);

/// On the server that the tests are told to use.
async fn rented(engine: Engine) -> Result<Ground, Failed> {
    let (binary, database) = (place::countersign(None)?, Database::rented(engine).await?);
    Ok(Ground { binary, database, processes: engine.processes() })
}

/// On a server of its own, which can be killed.
async fn private(engine: Engine) -> Result<Ground, Failed> {
    let (binary, database) = (place::countersign(None)?, Database::private(engine).await?);
    Ok(Ground { binary, database, processes: engine.processes() })
}

async fn one_of_many_that_offer_a_code_is_accepted(engine: Engine) -> Result<Report, Failed> {
    race::run(rented(engine).await?, &Race { rounds: 3, tries: 100 }).await
}

async fn kills_lose_nothing_and_no_code_works_twice(engine: Engine) -> Result<Report, Failed> {
    kill::run(private(engine).await?, &Kill { codes: 300, kills: 6 }).await
}

async fn guesses_are_judged_as_the_back_off_allows(engine: Engine) -> Result<Report, Failed> {
    guess::run(rented(engine).await?, &Guess { seconds: 3, connections: 30 }).await
}

async fn everything_at_once_with_faults_keeps_the_promises(engine: Engine) -> Result<Report, Failed> {
    soak::run(private(engine).await?, &Soak { minutes: 0.3, faults_every: 2.0 }).await
}
