//! A clock that was ahead, and is put right: no code that was accepted then is accepted again, and an operator can set the
//! device back.

use std::sync::Arc;
use std::time::Duration;

use countersign::domain::policy::Policies;
use countersign::domain::proof::{Reject, Verdict};
use countersign::domain::throttle::ThrottlePolicy;
use countersign::env::{Clock as _, ManualClock};

use super::rollback::{copy, restore};
use crate::harness::code;
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::{Proving, Replica, SECRET, clock};

on_every_database!(
    after_a_way_back_fresh_codes_are_accepted_and_those_from_ahead_are_not,
    a_way_back_that_the_database_forgot_is_written_again,
    what_was_accepted_ahead_and_forgotten_stays_used_after_a_way_back,
);

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Two replicas with one clock, a device, and the codes of it that were used while the clock was a day ahead.
struct Scene {
    clock: Arc<ManualClock>,
    replicas: Vec<Arc<Replica>>,
    phone: Proving,
    ahead: Vec<String>,
}

impl Scene {
    async fn of(database: &TestDatabase) -> Self {
        let clock = clock();
        let mut policies = Policies::default();
        policies.default.throttle =
            ThrottlePolicy { factor: Duration::ZERO, lock_after: u32::MAX, ..ThrottlePolicy::default() };
        let replicas = Replica::several(database, 2, &clock, &policies).await;
        let phone = replicas[0].totp("alice").await;
        Self { clock, replicas, phone, ahead: Vec::new() }
    }

    /// Uses two codes while the clock is a day ahead, and puts the clock right.
    async fn go_ahead(&mut self) {
        let right = self.clock.now();
        self.clock.advance(DAY);
        for replica in &self.replicas {
            self.clock.advance(Duration::from_secs(60));
            let text = self.fresh();
            assert_eq!(replica.offer(&self.phone, &text).await.unwrap(), Verdict::Accepted);
            self.ahead.push(text);
        }
        self.clock.set(right.plus(Duration::from_secs(120)));
    }

    /// The current code.
    fn fresh(&self) -> String {
        code(SECRET, self.clock.now(), 0)
    }

    async fn is_replayed(&self, replica: usize, text: &str) {
        let verdict = self.replicas[replica].offer(&self.phone, text).await.unwrap();
        assert!(matches!(verdict, Verdict::Rejected { reason: Reject::Replayed, .. }), "{verdict:?}");
    }

    async fn is_accepted(&self, replica: usize) {
        let verdict = self.replicas[replica].offer(&self.phone, &self.fresh()).await.unwrap();
        assert_eq!(verdict, Verdict::Accepted);
        self.is_replayed(1 - replica, &self.fresh()).await;
        self.clock.advance(Duration::from_secs(60));
    }

    /// Moves to the time that the clock showed when it was ahead: the codes of then are still used.
    async fn ahead_is_used(&self) {
        let start = self.clock.now();
        self.clock.set(start.plus(DAY).minus(Duration::from_secs(15 * 60)));
        let end = start.plus(DAY).plus(Duration::from_secs(15 * 60));
        while self.clock.now() < end {
            for (place, text) in self.ahead.iter().enumerate() {
                let verdict = self.replicas[place].offer(&self.phone, text).await.unwrap();
                assert!(matches!(verdict, Verdict::Rejected { .. }), "{verdict:?}");
            }
            self.clock.advance(Duration::from_secs(30));
        }
        self.is_accepted(1).await;
    }

    async fn stop(self) {
        for replica in &self.replicas {
            replica.stop().await;
        }
    }
}

async fn after_a_way_back_fresh_codes_are_accepted_and_those_from_ahead_are_not(database: TestDatabase) {
    let mut scene = Scene::of(&database).await;
    scene.go_ahead().await;
    for replica in [0, 1] {
        scene.is_replayed(replica, &scene.fresh()).await;
    }
    // One replica sets the device back; the other remembers it as it was.
    scene.replicas[1].unlock(&scene.phone).await;
    assert_eq!(database.events("device.set_back").await, 1);
    for replica in [0, 1, 0] {
        scene.is_accepted(replica).await;
    }
    // There is nothing more to set back.
    scene.replicas[0].unlock(&scene.phone).await;
    scene.replicas[0].unlock(&scene.phone).await;
    assert_eq!(database.events("device.set_back").await, 1);
    assert_eq!(database.events("device.rolled_back").await, 0);
    scene.ahead_is_used().await;
    scene.stop().await;
}

async fn a_way_back_that_the_database_forgot_is_written_again(database: TestDatabase) {
    let mut scene = Scene::of(&database).await;
    scene.go_ahead().await;
    copy(&database).await;
    scene.replicas[0].unlock(&scene.phone).await;
    restore(&database).await;
    let replayed = scene.ahead[0].clone();
    let verdict = scene.replicas[0].offer(&scene.phone, &replayed).await.unwrap();
    assert!(matches!(verdict, Verdict::Rejected { .. }), "{verdict:?}");
    assert_eq!(database.events("device.rolled_back").await, 1);
    scene.is_accepted(0).await;
    scene.ahead_is_used().await;
    scene.stop().await;
}

async fn what_was_accepted_ahead_and_forgotten_stays_used_after_a_way_back(database: TestDatabase) {
    let mut scene = Scene::of(&database).await;
    copy(&database).await;
    scene.go_ahead().await;
    restore(&database).await;
    // Whoever remembers it writes it again, before and after it is set back.
    scene.replicas[0].unlock(&scene.phone).await;
    scene.replicas[1].unlock(&scene.phone).await;
    assert!(database.events("device.set_back").await >= 1);
    scene.is_accepted(0).await;
    scene.ahead_is_used().await;
    scene.stop().await;
}
