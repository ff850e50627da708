//! What has run out is cleared away, and nothing else.

use std::time::Duration;

use countersign::domain::device::{Failures, State, SubjectState};
use countersign::domain::policy::Policies;
use countersign::service::Swept;
use countersign::store::Outcome;
use futures_util::future::join_all;

use super::fixtures::{book, device, failed, insert, progress, record, stored, subject, subject_of, tenant};
use crate::harness::START;
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::{Replica, clock};

on_every_database!(
    pending_devices_that_have_expired_go,
    request_records_that_have_expired_go,
    strangers_go_after_a_day_and_subjects_with_devices_stay,
    replicas_that_sweep_at_once_say_each_thing_once,
);

async fn pending_devices_that_have_expired_go(database: TestDatabase) {
    let clock = clock();
    let replica = Replica::start(&database, &clock, Policies::default()).await;
    let store = replica.service.store();
    let minute = Duration::from_secs(60);
    for (name, state, expires_at) in [
        ("expired", State::Pending, Some(START)),
        ("long expired", State::Pending, Some(START.minus(minute))),
        ("in a microsecond", State::Pending, Some(START.plus(Duration::from_micros(1)))),
        ("active", State::Active, None),
    ] {
        let mut new = device("alice", name);
        (new.state, new.expires_at) = (state, expires_at);
        assert_eq!(store.commit(insert(&new)).await.unwrap(), Outcome::Done);
    }
    let swept = replica.service.sweep().await.unwrap();
    assert_eq!(swept, Swept { devices: 2, requests: 0, strangers: 0 });
    let names = async || {
        let (_, devices) = subject_of(store, &tenant(), &subject("alice")).await;
        let mut names: Vec<String> = devices.iter().map(|device| device.name.to_string()).collect();
        names.sort();
        names
    };
    assert_eq!(names().await, ["active", "in a microsecond"]);
    assert_eq!(database.events("device.expired").await, 2);
    clock.advance(Duration::from_micros(1));
    assert_eq!(replica.service.sweep().await.unwrap().devices, 1);
    assert_eq!(names().await, ["active"]);
}

async fn request_records_that_have_expired_go(database: TestDatabase) {
    let clock = clock();
    let replica = Replica::start(&database, &clock, Policies::default()).await;
    let store = replica.service.store();
    let there = stored(store, "alice", "phone").await;
    store.commit(progress(&failed(&there)).record(record([1; 16], START))).await.unwrap();
    let later = record([2; 16], START.plus(Duration::from_micros(1)));
    store.commit(progress(&failed(&failed(&there))).record(later)).await.unwrap();
    assert_eq!(replica.service.sweep().await.unwrap().requests, 1);
    assert_eq!(database.count("request").await, 1);
    clock.advance(Duration::from_micros(1));
    assert_eq!(replica.service.sweep().await.unwrap().requests, 1);
    assert_eq!(database.count("request").await, 0);
}

async fn strangers_go_after_a_day_and_subjects_with_devices_stay(database: TestDatabase) {
    let clock = clock();
    let replica = Replica::start(&database, &clock, Policies::default()).await;
    let store = replica.service.store();
    let failed_once = |last_at| SubjectState {
        version: 1,
        failures: Failures { count: 1, last_at },
        ..SubjectState::unseen()
    };
    for (name, last_at) in [("stranger", Some(START)), ("alice", Some(START)), ("cleared", None)] {
        assert_eq!(store.commit(book(name, failed_once(last_at))).await.unwrap(), Outcome::Done);
    }
    stored(store, "alice", "phone").await;
    clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(replica.service.sweep().await.unwrap().strangers, 0);
    clock.advance(Duration::from_micros(1));
    assert_eq!(replica.service.sweep().await.unwrap().strangers, 1);
    for (name, version) in [("stranger", 0), ("alice", 1), ("cleared", 1)] {
        assert_eq!(subject_of(store, &tenant(), &subject(name)).await.0.version, version, "{name}");
    }
}

async fn replicas_that_sweep_at_once_say_each_thing_once(database: TestDatabase) {
    let clock = clock();
    let replicas = Replica::several(&database, 3, &clock, &Policies::default()).await;
    for number in 0..20 {
        let mut new = device(&format!("subject {number}"), "phone");
        (new.state, new.expires_at) = (State::Pending, Some(START));
        replicas[0].service.store().commit(insert(&new)).await.unwrap();
    }
    let swept = join_all(replicas.iter().map(|replica| replica.service.sweep())).await;
    let devices: u64 = swept.into_iter().map(|swept| swept.unwrap().devices).sum();
    assert_eq!(devices, 20);
    assert_eq!(database.events("device.expired").await, 20);
    assert_eq!(database.count("device").await, 0);
}
