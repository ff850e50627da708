//! Changes whose callers go away, or run out of time, before their commits are begun: they are not made, and keep their
//! slots until the lane has passed them.

use std::sync::Arc;
use std::time::Duration;

use countersign::auth::rpc;
use countersign::domain::ids::{CallerName, ClientName, Subject};
use countersign::domain::policy::Policies;
use countersign::domain::refusal::Refusal;
use countersign::domain::secret::Secret;
use countersign::env::request::{holding, to_the_end, within};
use countersign::error::{Error, Origin};
use countersign::service::{Once, Remembered, Reply};
use countersign::store::Purpose;
use futures_util::poll;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::fixtures::{subject, tenant};
use super::gate::Gate;
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::{Replica, clock, request_id};

on_every_database!(
    a_change_that_is_withdrawn_keeps_its_slot_and_is_not_made,
    a_guess_whose_caller_went_away_keeps_its_slot_until_it_is_counted,
    a_change_that_was_not_begun_in_time_is_certainly_not_made,
    a_retry_that_cannot_have_its_turn_in_time_gets_its_first_answer,
    a_retry_whose_commit_is_withdrawn_gets_its_first_answer,
    a_turn_lasts_until_its_commit_is_written,
);

/// Enough to read a subject on a busy machine.
const SHORT: Duration = Duration::from_millis(300);

async fn remember(replica: &Replica, name: &str) -> Result<(), Error> {
    remember_once(replica, &subject(name), None).await.map(drop)
}

async fn remember_once(
    replica: &Replica,
    subject: &Subject,
    once: Option<Once<Remembered>>,
) -> Result<Reply<Remembered>, Error> {
    let (grant, name) = (replica.grant::<rpc::RememberClient>(), ClientName::trusted("browser"));
    replica.service.remember_client(&grant, subject, &name, None, once).await
}

/// Has the lane begin a change, which the gate holds up. Gives how many may have been begun.
async fn hold_up(replica: &Replica) -> i64 {
    let mut begun = 1;
    loop {
        // Each of another subject: a commit that may have been begun keeps its turn.
        match within(SHORT, remember(replica, &format!("held up {begun}"))).await {
            Ok(Err(Error::Fault(fault))) if fault.origin == Origin::Doubt => return begun,
            // The lane was too slow to begin it.
            Ok(Err(Error::Refused(Refusal::Overloaded))) => {}
            Err(_elapsed) => begun += 1,
            other => panic!("{other:?}"),
        }
    }
}

/// Polls a request until so many hold its slot.
async fn held_by(count: usize, slot: &Arc<()>, request: &mut (impl Future + Unpin)) {
    let held = async {
        while Arc::strong_count(slot) < count {
            assert!(poll!(&mut *request).is_pending());
            yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), held).await.expect("the slot is held");
}

/// Waits until nobody but the test holds a slot.
async fn is_given_back(slot: &Arc<()>) {
    let given_back = async {
        while Arc::strong_count(slot) > 1 {
            yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), given_back).await.expect("the slot is given back");
}

async fn a_change_that_is_withdrawn_keeps_its_slot_and_is_not_made(database: TestDatabase) {
    let replica = Replica::start(&database, &clock(), Policies::default()).await;
    let gate = Gate::shut(&database).await;
    hold_up(&replica).await;
    let slot = Arc::new(());
    let mut change = Box::pin(holding(slot.clone(), None, remember(&replica, "alice")));
    // The test, the request and its commit.
    held_by(3, &slot, &mut change).await;
    drop(change);
    assert_eq!(Arc::strong_count(&slot), 2, "a commit that waits has no slot");
    gate.open().await;
    is_given_back(&slot).await;
    assert!(replica.clients("alice").await.is_empty());
    remember(&replica, "alice").await.unwrap();
    assert_eq!(replica.clients("alice").await.len(), 1);
}

async fn a_guess_whose_caller_went_away_keeps_its_slot_until_it_is_counted(database: TestDatabase) {
    let replica = Replica::start(&database, &clock(), Policies::default()).await;
    let token = replica.hotp("alice").await;
    let gate = Gate::shut(&database).await;
    let slot = Arc::new(());
    let (guessing, guessed) = (replica.clone(), token.clone());
    let guess = async move {
        let device = Some(guessed.device.clone());
        to_the_end(async move { guessing.offer_uncut(device, &guessed, "000000", None).await }).await
    };
    let mut guess = Box::pin(holding(slot.clone(), None, guess));
    // The test, the request, its work that goes on, and its commit.
    held_by(4, &slot, &mut guess).await;
    drop(guess);
    assert_eq!(Arc::strong_count(&slot), 3, "work that goes on has no slot");
    gate.open().await;
    is_given_back(&slot).await;
    assert_eq!(replica.device(&token).await.failures.count, 1);
}

async fn a_change_that_was_not_begun_in_time_is_certainly_not_made(database: TestDatabase) {
    let replica = Replica::start(&database, &clock(), Policies::default()).await;
    let gate = Gate::shut(&database).await;
    let begun = hold_up(&replica).await;
    let refused = loop {
        // Elapsed: the machine was too slow to get as far as the commit.
        if let Ok(refused) = within(SHORT, remember(&replica, "alice")).await {
            break refused;
        }
    };
    assert!(matches!(refused, Err(Error::Refused(Refusal::Overloaded))), "{refused:?}");
    gate.open().await;
    // Whatever was queued before this is written.
    remember(&replica, "bob").await.unwrap();
    assert!(replica.clients("alice").await.is_empty());
    let held_up = database.count("client WHERE subject LIKE 'held up %'").await;
    assert!((1..=begun).contains(&held_up), "{held_up} of {begun}");
}

/// A request with an id, always the same.
fn once() -> Once<Remembered> {
    Once {
        id: request_id([7; 16]),
        asked: Secret::new(b"asked".to_vec()),
        encode: Box::new(|_| Ok(Secret::new(b"first answer".to_vec()))),
    }
}

/// Sends the request again, which cannot be carried out in time.
async fn is_answered_again(replica: &Replica, subject: &Subject) {
    let answer = loop {
        // Elapsed: the machine was too slow to look the answer up in what was left of the time.
        if let Ok(retried) = within(5 * SHORT, remember_once(replica, subject, Some(once()))).await {
            break retried;
        }
    };
    let Ok(Reply::Again(answer)) = answer else { panic!("there is no first answer") };
    assert_eq!(answer.expose(), b"first answer");
}

async fn a_retry_that_cannot_have_its_turn_in_time_gets_its_first_answer(database: TestDatabase) {
    let replicas = Replica::several(&database, 2, &clock(), &Policies::default()).await;
    let alice = subject("alice");
    remember_once(&replicas[0], &alice, Some(once())).await.unwrap();
    // This replica does not know the id before it looks it up.
    let (tenant, another, store) = (tenant(), CallerName::trusted("another"), replicas[1].service.store());
    let _turn = store.turn(&tenant, &another, &alice, Purpose::Change).await.unwrap();
    is_answered_again(&replicas[1], &alice).await;
    assert_eq!(replicas[0].clients("alice").await.len(), 1);
}

async fn a_retry_whose_commit_is_withdrawn_gets_its_first_answer(database: TestDatabase) {
    let replicas = Replica::several(&database, 2, &clock(), &Policies::default()).await;
    let alice = subject("alice");
    remember_once(&replicas[0], &alice, Some(once())).await.unwrap();
    let gate = Gate::shut(&database).await;
    hold_up(&replicas[1]).await;
    is_answered_again(&replicas[1], &alice).await;
    gate.open().await;
}

async fn a_turn_lasts_until_its_commit_is_written(database: TestDatabase) {
    let replica = Replica::start(&database, &clock(), Policies::default()).await;
    let gate = Gate::shut(&database).await;
    let begun = hold_up(&replica).await;
    let (tenant, another, store) = (tenant(), CallerName::trusted("another"), replica.service.store());
    // The last one is certainly being written, and its caller has its answer.
    let held_up = subject(&format!("held up {begun}"));
    assert!(store.try_turn(&tenant, &another, &held_up, Purpose::Change).is_none());
    gate.open().await;
    let turn = store.turn(&tenant, &another, &held_up, Purpose::Change);
    drop(timeout(Duration::from_secs(20), turn).await.expect("the turn is free").unwrap());
    assert_eq!(database.count(&format!("client WHERE subject = 'held up {begun}'")).await, 1);
}
