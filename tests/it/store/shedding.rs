//! A lane that has more to write than there is time for says so at once.

use std::time::Duration;

use countersign::domain::refusal::Refusal;
use countersign::env::request::within;
use countersign::error::Error;
use countersign::store::Outcome;
use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::fixtures::{failed, progress, stored};
use crate::harness::databases::{Engine, TestDatabase, on_every_server};

on_every_server!(who_cannot_wait_for_their_turn_is_told_so_at_once);

/// How long the database takes for each event.
pub(super) const SLOW: Duration = Duration::from_millis(200);

pub(super) async fn slow_down(database: &TestDatabase) {
    let statements: &[&str] = match database.engine {
        Engine::Postgres => &[
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.2); \
             RETURN NEW; END $$",
            "CREATE TRIGGER slow BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION slow()",
        ],
        _ => &["CREATE TRIGGER slow BEFORE INSERT ON event FOR EACH ROW DO SLEEP(0.2)"],
    };
    for statement in statements {
        database.execute(statement).await;
    }
}

async fn who_cannot_wait_for_their_turn_is_told_so_at_once(database: TestDatabase) {
    let store = database.open().await;
    let mut devices = Vec::new();
    for number in 0..8 {
        devices.push(stored(&store, &format!("subject {number}"), "phone").await);
    }
    slow_down(&database).await;
    // The lane learns how long the database takes.
    for device in &mut devices {
        *device = {
            let next = failed(device);
            assert_eq!(store.commit(progress(&next)).await.unwrap(), Outcome::Done);
            next
        };
    }
    // Where nobody waits there is nothing to wait for, however little time there is: it is written.
    let (hurried, others) = devices.split_last().unwrap();
    let alone = within(SLOW / 20, store.commit(progress(&failed(hurried)))).await;
    assert!(!matches!(alone, Ok(Err(Error::Refused(_)))), "{alone:?}");
    let commits = others.iter().map(|device| store.commit(progress(&failed(device))));
    let mut waiting: Vec<_> = commits.map(Box::pin).collect();
    for commit in &mut waiting {
        // Once it was polled it waits in line.
        assert!(commit.now_or_never().is_none());
    }
    // At once: before their time is over.
    let refused = within(SLOW / 2, store.commit(progress(&failed(&failed(hurried))))).await;
    assert!(matches!(refused, Ok(Err(Error::Refused(Refusal::Overloaded)))), "{refused:?}");
    // Who has the time waits, and is served.
    for outcome in join_all(waiting).await {
        assert_eq!(outcome.unwrap(), Outcome::Done);
    }
}
