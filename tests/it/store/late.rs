//! A proof whose commit would be too late is not judged, and a judged one is written however often the database asks for
//! another try.

use std::time::Duration;

use countersign::domain::policy::Policies;
use countersign::domain::proof::Verdict;
use countersign::domain::refusal::Refusal;
use countersign::env::request::{to_the_end, within};
use countersign::error::Error;
use countersign::store::Outcome;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::time::Instant;

use super::fixtures::{failed, progress, stored};
use super::shedding::{SLOW, slow_down};
use super::turns::Counted;
use crate::harness::databases::{Engine, TestDatabase, on_every_server};
use crate::harness::replica::{Replica, clock};

on_every_server!(
    what_cannot_be_written_in_time_is_not_judged,
    what_was_judged_is_written_however_often_it_comes_too_late,
    a_used_id_that_is_found_after_the_deadline_costs_a_failure,
);

async fn what_cannot_be_written_in_time_is_not_judged(database: TestDatabase) {
    let counted = Counted::on(&database).await;
    let store = counted.replica.service.store();
    let mut devices = Vec::new();
    for number in 0..8 {
        devices.push(stored(store, &format!("subject {number}"), "phone").await);
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
    let (right, before) = (counted.right(), counted.judged());
    let commits = devices.iter().map(|device| store.commit(progress(&failed(device))));
    let mut waiting: Vec<_> = commits.map(Box::pin).collect();
    for commit in &mut waiting {
        assert!(commit.now_or_never().is_none());
    }
    // Refused before it is judged, or, on a machine that is busy with other things, cut off before that.
    let (begun, mut is_refused) = (Instant::now(), false);
    for _ in 0..20 {
        if begun.elapsed() > 4 * SLOW {
            break;
        }
        match within(SLOW / 2, counted.verify(&right)).await {
            Ok(Err(Error::Refused(Refusal::Overloaded))) => is_refused = true,
            Err(_elapsed) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(counted.judged(), before);
    assert!(is_refused);
    join_all(waiting).await;
    assert_eq!(counted.verify(&right).await.unwrap(), Verdict::Accepted, "nothing was used up");
}

/// The database asks for another try forty times. A change that judges no proof would give up before.
async fn what_was_judged_is_written_however_often_it_comes_too_late(database: TestDatabase) {
    let counted = Counted::on(&database).await;
    let statements: &[&str] = match database.engine {
        Engine::Postgres => &[
            "CREATE SEQUENCE tries",
            "CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF nextval('tries') <= 40 THEN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END IF; \
             RETURN NEW; END $$",
            "CREATE TRIGGER conflict BEFORE UPDATE ON device FOR EACH ROW EXECUTE FUNCTION conflict()",
        ],
        // A sequence is not rolled back there either.
        _ => &[
            "CREATE SEQUENCE tries",
            "CREATE TRIGGER conflict BEFORE UPDATE ON device FOR EACH ROW BEGIN \
             IF NEXT VALUE FOR tries <= 40 THEN SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213; END IF; END",
        ],
    };
    for statement in statements {
        database.execute(statement).await;
    }
    let within_time = within(Duration::from_secs(30), counted.verify(&counted.right())).await;
    assert_eq!(within_time.unwrap().unwrap(), Verdict::Accepted);
}

/// The record of the id was written by another replica, so that only the commit meets it, when the caller has gone.
async fn a_used_id_that_is_found_after_the_deadline_costs_a_failure(database: TestDatabase) {
    let replicas = Replica::several(&database, 2, &clock(), &Policies::default()).await;
    let [recording, judging] = replicas.as_slice() else { unreachable!() };
    let (other, token) = (recording.hotp("bob").await, recording.hotp("alice").await);
    let id = Some([7; 16]);
    recording.offer_as(&other, "000000", id).await.unwrap();
    slow_down(&database).await;
    let before = database.events("proof.rejected").await;
    let judging = judging.clone();
    let offer = async move { judging.offer_uncut(Some(token.device.clone()), &token, "000000", id).await };
    let cut = within(SLOW / 4, async { to_the_end(offer).await }).await;
    assert!(cut.is_err(), "{cut:?}");
    let counted = async {
        while database.events("proof.rejected").await == before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), counted).await.expect("the failure is counted");
}
