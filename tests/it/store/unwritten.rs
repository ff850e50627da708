//! A database that can be read and not written: nothing that is judged can be counted, so little is judged.

use std::time::Duration;

use countersign::auth::rpc;
use countersign::domain::ids::ClientName;
use countersign::domain::proof::Verdict;
use countersign::env::request::within;
use countersign::error::{Error, Origin};

use super::fixtures::subject;
use super::turns::Counted;
use crate::harness::databases::{Engine, TestDatabase, on_every_database};

on_every_database!(
    little_is_judged_where_nothing_can_be_written,
    changes_without_a_proof_neither_delay_judgements_nor_are_delayed_by_them,
);

/// Ends the tries of a request that the database refuses.
const SHORT: Duration = Duration::from_millis(100);

/// Refuses every event, and so every commit.
async fn break_writes(database: &TestDatabase) {
    let statements: &[&str] = match database.engine {
        Engine::Sqlite => {
            &["CREATE TRIGGER broken BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'broken'); END"]
        }
        Engine::Postgres => &[
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$",
            "CREATE TRIGGER broken BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION broken()",
        ],
        _ => &["CREATE TRIGGER broken BEFORE INSERT ON event FOR EACH ROW SIGNAL SQLSTATE '45000'"],
    };
    for statement in statements {
        database.execute(statement).await;
    }
}

async fn mend(database: &TestDatabase) {
    let on = if database.engine == Engine::Postgres { " ON event" } else { "" };
    database.execute(&format!("DROP TRIGGER broken{on}")).await;
}

/// True if the attempt was refused before it was judged.
fn is_delayed(tried: &Result<Verdict, Error>) -> bool {
    matches!(tried, Err(Error::Fault(fault)) if fault.to_string().contains("moments ago"))
}

async fn little_is_judged_where_nothing_can_be_written(database: TestDatabase) {
    let counted = Counted::on(&database).await;
    break_writes(&database).await;
    // The last of these failures delays the next judgement by 400 ms.
    let mut delays = 0;
    for _ in 0..7 {
        let mut tried = counted.verify(&counted.right()).await;
        while is_delayed(&tried) {
            delays += 1;
            tried = counted.verify(&counted.right()).await;
        }
        assert!(matches!(&tried, Err(Error::Fault(fault)) if fault.origin != Origin::Internal), "{tried:?}");
    }
    assert!(delays > 2, "{delays}");
    let judged = counted.judged();
    let delayed = counted.verify(&counted.right()).await;
    assert!(is_delayed(&delayed), "{delayed:?}");
    assert_eq!(counted.judged(), judged);
    mend(&database).await;
    let accepted = async { while counted.verify(&counted.right()).await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(20), accepted).await.expect("it is judged again");
    assert_eq!(database.events("proof.accepted").await, 2);
}

async fn changes_without_a_proof_neither_delay_judgements_nor_are_delayed_by_them(database: TestDatabase) {
    let counted = Counted::on(&database).await;
    let remember = async || {
        let (alice, name) = (subject("alice"), ClientName::trusted("browser"));
        let grant = counted.replica.grant::<rpc::RememberClient>();
        within(SHORT, counted.replica.service.remember_client(&grant, &alice, &name, None, None)).await
    };
    break_writes(&database).await;
    for _ in 0..9 {
        assert!(!matches!(remember().await, Ok(Ok(_))));
    }
    let tried = counted.verify(&counted.right()).await;
    assert!(tried.is_err() && !is_delayed(&tried), "{tried:?}");
    let mut tries = 0;
    while !is_delayed(&counted.verify(&counted.right()).await) {
        tries += 1;
        assert!(tries < 20, "nothing is delayed");
    }
    mend(&database).await;
    counted.replica.remember("alice", None).await;
    let accepted = async { while counted.verify(&counted.right()).await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(20), accepted).await.expect("it is judged again");
}
