//! Evidence counts up to a moment, which decisions tell truly.

use std::time::Duration;

use countersign::domain::context::{Context, Reach};
use countersign::domain::decision::{Decision, Satisfied};
use countersign::domain::moment::Moment;
use countersign::env::Clock as _;
use countersign::service::Question;

use super::replica;
use crate::harness::asking::{question, session, with_token, with_transaction};
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::Replica;

on_every_database!(
    evidence_counts_until_its_time_is_over_and_not_for_a_microsecond_longer,
    a_decision_tells_the_moment_from_which_it_is_none,
    what_lasts_longest_is_taken,
    under_a_clock_that_went_back_evidence_lies_in_the_future_and_does_not_count,
);

const MICROSECOND: Duration = Duration::from_micros(1);

/// Until when it is satisfied. A look: it uses nothing up.
async fn until(replica: &Replica, context: &Context, requirement: &str) -> Option<Moment> {
    let look = Question { explain: true, ..question(&[requirement]) };
    let decisions = replica.asked("alice", context, &look).await.unwrap();
    match &decisions.each[0].decision {
        Decision::Satisfied(Satisfied { valid_until, .. }) => Some(*valid_until),
        _ => None,
    }
}

async fn evidence_counts_until_its_time_is_over_and_not_for_a_microsecond_longer(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let browser = replica.remember("alice", None).await.token;
    let one = with_token(&session("one"), &browser);
    let paying = with_transaction(&session("one"), 1);
    let evidence = [
        (replica.prove(&token, 0, &session("one")).await, session("one"), Duration::from_secs(24 * 3600)),
        (replica.prove(&token, 1, &paying).await, paying, Duration::from_secs(600)),
        (
            replica.prove_as(&token, 2, &one, Reach::Client).await,
            with_token(&session("two"), &browser),
            Duration::from_secs(30 * 24 * 3600),
        ),
    ];
    let begun = replica.clock.now();
    for (evidence, place, lasts) in evidence {
        let counts = async |at: Moment| {
            replica.clock.set(at);
            replica.evidence("alice", Some(&place)).await.iter().any(|one| one.id == evidence.id)
        };
        assert!(counts(begun).await);
        assert!(counts(Moment::from_micros(begun.plus(lasts).micros() - 1)).await, "{place:?}");
        assert!(!counts(begun.plus(lasts)).await, "{place:?}");
        assert!(!counts(begun.plus(lasts).plus(lasts)).await, "{place:?}");
    }
}

async fn a_decision_tells_the_moment_from_which_it_is_none(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let browser = replica.remember("alice", None).await.token;
    let here = with_transaction(&with_token(&session("one"), &browser), 1);
    let elsewhere = with_token(&session("two"), &browser);
    replica.password_as("alice", &here, Reach::Session).await;
    replica.clock.advance(Duration::from_micros(1_234_567));
    replica.prove_as(&token, 0, &here, Reach::Client).await;
    replica.clock.advance(Duration::from_micros(7));
    replica.prove(&token, 1, &here).await;
    let mut told = Vec::new();
    for (context, requirement) in [
        (&here, "knows"),
        (&here, "device"),
        (&here, "login"),
        (&here, "soon"),
        (&here, "approved"),
        (&elsewhere, "device"),
        (&elsewhere, "soon"),
    ] {
        let begun = replica.clock.now();
        let until = until(&replica, context, requirement).await.unwrap();
        told.push(until.since(begun).as_micros());
        replica.clock.set(Moment::from_micros(until.micros() - 1));
        assert_eq!(self::until(&replica, context, requirement).await, Some(until), "{requirement}");
        replica.clock.set(until);
        assert_eq!(self::until(&replica, context, requirement).await, None, "{requirement}");
        replica.clock.set(begun);
    }
    const DAY: u128 = 24 * 3600 * 1_000_000;
    let password = DAY - 1_234_574;
    let five_minutes = 300_000_000;
    assert_eq!(
        told,
        [password, 30 * DAY - 7, password, five_minutes, 600_000_000, 30 * DAY - 7, five_minutes - 7]
    );
}

async fn what_lasts_longest_is_taken(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let here = session("one");
    let first = replica.prove(&token, 0, &here).await;
    replica.clock.advance(Duration::from_secs(60));
    let second = replica.prove(&token, 1, &here).await;
    let Decision::Satisfied(satisfied) = replica.decision("alice", &here, "soon").await else { panic!() };
    assert_eq!(satisfied.evidence, std::slice::from_ref(&second.id));
    assert_eq!(satisfied.valid_until, second.verified_at.plus(Duration::from_secs(300)));
    replica.clock.set(first.verified_at.plus(Duration::from_secs(300)));
    assert!(replica.holds("alice", &here, "soon").await, "the first alone would not do");
    replica.clock.set(satisfied.valid_until);
    assert!(!replica.holds("alice", &here, "soon").await);
    assert!(replica.holds("alice", &here, "device").await, "of any age");
}

async fn under_a_clock_that_went_back_evidence_lies_in_the_future_and_does_not_count(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let here = session("one");
    let given = replica.prove(&token, 0, &here).await.verified_at;
    let skew = Duration::from_secs(5);
    // As far as replicas' clocks may differ.
    replica.clock.set(given.minus(skew));
    assert!(replica.holds("alice", &here, "soon").await);
    replica.clock.set(given.minus(skew + MICROSECOND));
    assert!(!replica.holds("alice", &here, "anything").await);
    replica.clock.set(given);
    assert!(replica.holds("alice", &here, "soon").await);
}
