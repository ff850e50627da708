//! Guesses are judged as often as the back-off allows, however many guess at the same time, through however
//! many replicas. A judged guess has its event, so events are counted.

use std::sync::Arc;
use std::time::Duration;

use countersign::domain::device::State;
use countersign::domain::policy::Policies;
use countersign::domain::proof::Verdict;
use countersign::domain::refusal::Refusal;
use countersign::domain::throttle::ThrottlePolicy;
use countersign::env::ManualClock;
use countersign::error::Error;
use tokio::task::JoinSet;

use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::{Proving, Replica, clock};

on_every_database!(
    guesses_in_parallel_are_judged_as_the_back_off_allows,
    guesses_without_naming_a_device_are_judged_as_the_back_off_allows,
    guesses_around_a_success_are_judged_as_the_back_off_allows,
    guesses_whose_caller_goes_away_count,
    a_device_locks_after_so_many_guesses_in_parallel,
);

const REPLICAS: usize = 3;
const CROWD: usize = 60;
const WRONG: &str = "000000";

struct Attack {
    database: TestDatabase,
    clock: Arc<ManualClock>,
    replicas: Vec<Arc<Replica>>,
}

impl Attack {
    async fn on(database: TestDatabase, throttle: ThrottlePolicy) -> Self {
        let clock = clock();
        let mut policies = Policies::default();
        policies.default.throttle = throttle;
        let replicas = Replica::several(&database, REPLICAS, &clock, &policies).await;
        Self { database, clock, replicas }
    }

    /// How many were judged wrong so far.
    async fn judged(&self) -> i64 {
        self.database.events("proof.rejected").await
    }

    /// Everybody guesses at once, some of them right. Gives the number of those that were accepted.
    async fn rush(&self, proving: &Proving, right: usize) -> usize {
        let mut crowd = JoinSet::new();
        for number in 0..CROWD {
            let (replica, proving) = (self.replicas[number % REPLICAS].clone(), proving.clone());
            let code = if number < right { proving.codes[0].clone() } else { WRONG.to_owned() };
            crowd.spawn(async move { replica.offer(&proving, &code).await });
        }
        count_accepted(crowd).await
    }

    /// The same without the name of a device.
    async fn rush_any(&self, proving: &Proving) -> usize {
        let mut crowd = JoinSet::new();
        for number in 0..CROWD {
            let (replica, subject) = (self.replicas[number % REPLICAS].clone(), proving.subject.clone());
            crowd.spawn(async move { replica.offer_any(subject.as_str(), WRONG).await });
        }
        count_accepted(crowd).await
    }
}

async fn count_accepted(mut crowd: JoinSet<Result<Verdict, Error>>) -> usize {
    let mut accepted = 0;
    while let Some(one) = crowd.join_next().await {
        match one.unwrap() {
            Ok(Verdict::Accepted) => accepted += 1,
            Ok(_) | Err(Error::Refused(Refusal::Stale | Refusal::Overloaded)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    accepted
}

async fn guesses_in_parallel_are_judged_as_the_back_off_allows(database: TestDatabase) {
    let attack = Attack::on(database, ThrottlePolicy::default()).await;
    let proving = attack.replicas[0].hotp("alice").await;
    for judged in 1..=9 {
        assert_eq!(attack.rush(&proving, 0).await, 0);
        assert_eq!(attack.judged().await, judged);
        // Until the very moment nobody is looked at; at that moment one is.
        let delay = Duration::from_secs(1 << (judged - 1));
        attack.clock.advance(delay - Duration::from_micros(1));
        attack.rush(&proving, 0).await;
        assert_eq!(attack.judged().await, judged, "too soon");
        attack.clock.advance(Duration::from_micros(1));
    }
    let device = attack.replicas[0].device(&proving).await;
    assert_eq!(device.failures.count, 9);
}

async fn guesses_without_naming_a_device_are_judged_as_the_back_off_allows(database: TestDatabase) {
    let attack = Attack::on(database, ThrottlePolicy::default()).await;
    let proving = attack.replicas[0].hotp("alice").await;
    for judged in 1..=7 {
        assert_eq!(attack.rush_any(&proving).await, 0);
        assert_eq!(attack.judged().await, judged);
        let delay = Duration::from_secs(1 << (judged - 1));
        attack.clock.advance(delay - Duration::from_micros(1));
        attack.rush_any(&proving).await;
        assert_eq!(attack.judged().await, judged, "too soon");
        attack.clock.advance(Duration::from_micros(1));
    }
    // The device itself was not blamed.
    let device = attack.replicas[0].device(&proving).await;
    assert_eq!(device.failures.count, 0);
}

async fn guesses_around_a_success_are_judged_as_the_back_off_allows(database: TestDatabase) {
    let attack = Attack::on(database, ThrottlePolicy::default()).await;
    for round in 0..10 {
        let proving = attack.replicas[0].hotp(&format!("subject {round}")).await;
        let before = attack.judged().await;
        // Three of the crowd have the right code. Whoever comes first decides: a wrong guess, and then
        // nobody is looked at any more; or the right one, and then one more guess is.
        let accepted = attack.rush(&proving, 3).await;
        let judged = attack.judged().await - before;
        assert!(accepted <= 1, "round {round}");
        assert_eq!(judged, 1, "round {round}");
        attack.clock.advance(Duration::from_secs(1));
        let used = attack.rush(&proving, CROWD).await;
        let device = attack.replicas[0].device(&proving).await;
        if accepted == 0 {
            // Accepted now; then its replay is judged once.
            assert_eq!((used, device.failures.count), (1, 1), "round {round}");
        } else {
            // A replay, judged once more after the guess before it.
            assert_eq!((used, device.failures.count), (0, 2), "round {round}");
        }
    }
}

async fn guesses_whose_caller_goes_away_count(database: TestDatabase) {
    let attack = Attack::on(database, ThrottlePolicy::default()).await;
    let mut seen = 0;
    for round in 0..10 {
        let proving = attack.replicas[0].hotp(&format!("subject {round}")).await;
        let mut crowd = JoinSet::new();
        for number in 0..CROWD {
            let (replica, proving) = (attack.replicas[number % REPLICAS].clone(), proving.clone());
            crowd.spawn(async move { replica.offer(&proving, WRONG).await });
        }
        // Cut off after some of them were answered, wherever the others are.
        for _ in 0..round * 3 {
            crowd.join_next().await.unwrap().unwrap().ok();
        }
        crowd.shutdown().await;
        // One was judged, or none was yet; what was judged is written, whoever is there to hear it.
        attack.rush(&proving, 0).await;
        seen += 1;
        assert_eq!(attack.judged().await, seen, "round {round}");
    }
}

async fn a_device_locks_after_so_many_guesses_in_parallel(database: TestDatabase) {
    let throttle = ThrottlePolicy { factor: Duration::ZERO, lock_after: 20, ..ThrottlePolicy::default() };
    let attack = Attack::on(database, throttle).await;
    let proving = attack.replicas[0].hotp("alice").await;
    for _ in 0..3 {
        attack.rush(&proving, 0).await;
    }
    assert_eq!(attack.judged().await, 20);
    assert_eq!(attack.database.events("device.locked").await, 1);
    assert_eq!(attack.replicas[0].device(&proving).await.state, State::Locked);
    assert_eq!(attack.rush(&proving, CROWD).await, 0);
}
