//! A code is accepted once, however many offer it to however many replicas at the same time.

use std::sync::Arc;

use countersign::domain::policy::Policies;
use countersign::domain::proof::Verdict;
use countersign::domain::refusal::Refusal;
use countersign::error::Error;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::{Proving, Replica, clock};

on_every_database!(
    of_200_that_offer_one_totp_code_one_is_accepted,
    of_200_that_offer_one_hotp_code_one_is_accepted,
    of_200_that_offer_one_recovery_code_one_is_accepted,
    of_200_that_offer_one_code_without_naming_a_device_one_is_accepted,
    without_the_condition_a_code_is_accepted_more_than_once,
);

const ROUNDS: usize = 20;
const TRIES: usize = 200;
const REPLICAS: usize = 3;

/// How a code is offered.
#[derive(Clone, Copy)]
enum To {
    ItsDevice,
    Whichever,
}

async fn of_200_that_offer_one_totp_code_one_is_accepted(database: TestDatabase) {
    one_is_accepted(&database, To::ItsDevice, async |replica, subject| replica.totp(subject).await).await;
}

async fn of_200_that_offer_one_hotp_code_one_is_accepted(database: TestDatabase) {
    one_is_accepted(&database, To::ItsDevice, async |replica, subject| replica.hotp(subject).await).await;
}

async fn of_200_that_offer_one_recovery_code_one_is_accepted(database: TestDatabase) {
    one_is_accepted(&database, To::ItsDevice, async |replica, subject| replica.recovery_codes(subject).await)
        .await;
}

async fn of_200_that_offer_one_code_without_naming_a_device_one_is_accepted(database: TestDatabase) {
    one_is_accepted(&database, To::Whichever, async |replica, subject| replica.totp(subject).await).await;
}

async fn one_is_accepted(database: &TestDatabase, to: To, enroll: impl AsyncFn(&Replica, &str) -> Proving) {
    let replicas = Replica::several(database, REPLICAS, &clock(), &Policies::default()).await;
    for round in 0..ROUNDS {
        let proving = Arc::new(enroll(&replicas[0], &format!("subject {round}")).await);
        // Confirming was an acceptance too, of another code.
        let before = database.events("proof.accepted").await;
        let evidence = database.count("evidence").await;
        let mut offers = JoinSet::new();
        for number in 0..TRIES {
            let (replica, proving) = (replicas[number % REPLICAS].clone(), proving.clone());
            offers.spawn(async move {
                let code = &proving.codes[0];
                match to {
                    To::ItsDevice => replica.offer(&proving, code).await,
                    To::Whichever => replica.offer_any(proving.subject.as_str(), code).await,
                }
            });
        }
        let mut accepted = 0;
        while let Some(offer) = offers.join_next().await {
            match offer.unwrap() {
                Ok(Verdict::Accepted) => accepted += 1,
                // Used already; too soon after one that was used already; too much came in between.
                Ok(Verdict::Rejected { .. } | Verdict::Throttled { .. })
                | Err(Error::Refused(Refusal::Stale | Refusal::Overloaded)) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(accepted, 1, "round {round}");
        assert_eq!(database.events("proof.accepted").await, before + 1, "round {round}");
        assert_eq!(database.count("evidence").await, evidence + 1, "round {round}");
    }
}

/// The control: the same race against the textbook's way, which reads, decides and writes. If this accepted
/// a code only once, the tests above would prove nothing.
async fn without_the_condition_a_code_is_accepted_more_than_once(database: TestDatabase) {
    let replica = Replica::start(&database, &clock(), Policies::default()).await;
    let mut accepted = [0, 0];
    for round in 0..ROUNDS {
        for (sum, is_conditional) in accepted.iter_mut().zip([false, true]) {
            let proving = replica.totp(&format!("subject {round} {is_conditional}")).await;
            *sum += race(&database, &proving, is_conditional).await;
        }
    }
    let [without, with] = accepted;
    assert_eq!(with, ROUNDS);
    assert!(without > ROUNDS, "accepted {without} times in {ROUNDS} rounds");
}

/// How many of some that try at the same time are told that the code is theirs.
async fn race(database: &TestDatabase, proving: &Proving, is_conditional: bool) -> usize {
    const RACERS: usize = 8;
    let db = database.raw(RACERS as u32).await;
    let together = Arc::new(Barrier::new(RACERS));
    let mut racers = JoinSet::new();
    for _ in 0..RACERS {
        let (db, id, together) = (db.clone(), proving.device.to_string(), together.clone());
        racers.spawn(async move {
            let version = version(&db, &id).await;
            // All have read and found the code unused, as they may whenever they come close enough.
            together.wait().await;
            let condition = if is_conditional { format!(" AND version = {version}") } else { String::new() };
            let sql = format!("UPDATE device SET version = {} WHERE id = '{id}'{condition}", version + 1);
            usize::from(db.execute_unprepared(&sql).await.unwrap().rows_affected() == 1)
        });
    }
    racers.join_all().await.into_iter().sum()
}

async fn version(db: &DatabaseConnection, id: &str) -> i64 {
    let sql = format!("SELECT version FROM device WHERE id = '{id}'");
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    rows[0].try_get_by_index(0).unwrap()
}
