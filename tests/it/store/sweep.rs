//! What has run out is cleared away, and nothing else.

use std::time::Duration;

use countersign::domain::device::{Failures, State, SubjectState};
use countersign::domain::ids::SessionId;
use countersign::domain::policy::Policies;
use countersign::service::{Revocation, Swept};
use countersign::store::Outcome;
use futures_util::future::join_all;

use super::fixtures::{
    book, device, failed, insert, password, progress, record, remember, stored, subject, subject_of, tenant,
};
use crate::harness::START;
use crate::harness::asking::session;
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::{Replica, clock};

on_every_database!(
    pending_devices_that_have_expired_go,
    request_records_that_have_expired_go,
    evidence_that_has_expired_goes,
    clients_whose_time_is_over_go,
    more_than_one_round_of_evidence_goes,
    strangers_go_after_two_days_and_subjects_with_devices_stay,
    a_subject_that_only_a_client_or_revoked_evidence_names_goes_with_them,
    of_whom_more_is_kept_than_failures_is_no_stranger,
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
    assert_eq!(swept, Swept { devices: 2, ..Swept::default() });
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

async fn evidence_that_has_expired_goes(database: TestDatabase) {
    let clock = clock();
    let replica = Replica::start(&database, &clock, Policies::default()).await;
    let store = replica.service.store();
    for (owner, micros) in [("alice", 0), ("alice", 1), ("bob", 0), ("bob", 2)] {
        let expires_at = START.plus(Duration::from_micros(micros));
        store.commit(password(owner, expires_at)).await.unwrap();
    }
    for (swept, left) in [(2, 2), (1, 1), (1, 0)] {
        assert_eq!(replica.service.sweep().await.unwrap(), Swept { evidence: swept, ..Swept::default() });
        assert_eq!(database.count("evidence").await, left);
        clock.advance(Duration::from_micros(1));
    }
}

async fn clients_whose_time_is_over_go(database: TestDatabase) {
    let clock = clock();
    let replica = Replica::start(&database, &clock, Policies::default()).await;
    let store = replica.service.store();
    for (owner, micros) in [("alice", 0), ("alice", 1), ("bob", 0)] {
        let expires_at = START.plus(Duration::from_micros(micros));
        store.commit(remember(owner, expires_at)).await.unwrap();
    }
    for (swept, left) in [(2, 1), (1, 0)] {
        assert_eq!(replica.service.sweep().await.unwrap(), Swept { clients: swept, ..Swept::default() });
        assert_eq!(database.count("client").await, left);
        clock.advance(Duration::from_micros(1));
    }
}

async fn more_than_one_round_of_evidence_goes(database: TestDatabase) {
    let replica = Replica::start(&database, &clock(), Policies::default()).await;
    let store = replica.service.store();
    store.commit(password("alice", START.plus(Duration::from_micros(1)))).await.unwrap();
    store.commit(password("alice", START)).await.unwrap();
    // Copies of it, each a little older: a round takes 5,000.
    let columns =
        "tenant, method, device, verified_at, scope, session, client, digest, epoch, strength, source";
    let mut copies = 1;
    while copies < 10_000 {
        let subject = database.joined(&["subject", &format!("' {copies}'")]);
        let expired = START.micros();
        database
            .execute(&format!(
                "INSERT INTO evidence (subject, id, expires_at, {columns}) SELECT {subject}, id, \
                 expires_at - {copies}, {columns} FROM evidence WHERE expires_at <= {expired}"
            ))
            .await;
        copies *= 2;
    }
    assert_eq!(database.count("evidence").await, 1 + copies);
    assert_eq!(replica.service.sweep().await.unwrap().evidence, copies.unsigned_abs());
    assert_eq!(database.count("evidence").await, 1);
}

async fn strangers_go_after_two_days_and_subjects_with_devices_stay(database: TestDatabase) {
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
    clock.advance(Duration::from_secs(48 * 3600));
    assert_eq!(replica.service.sweep().await.unwrap().strangers, 0);
    clock.advance(Duration::from_micros(1));
    assert_eq!(replica.service.sweep().await.unwrap().strangers, 1);
    for (name, version) in [("stranger", 0), ("alice", 1), ("cleared", 1)] {
        assert_eq!(subject_of(store, &tenant(), &subject(name)).await.0.version, version, "{name}");
    }
}

async fn of_whom_more_is_kept_than_failures_is_no_stranger(database: TestDatabase) {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let clock = clock();
    let replica = Replica::start(&database, &clock, Policies::default()).await;
    let store = replica.service.store();
    let plain = SubjectState {
        version: 1,
        failures: Failures { count: 1, last_at: Some(START) },
        ..SubjectState::unseen()
    };
    let earlier = Some(START.minus(DAY));
    for (name, state) in [
        ("stranger", plain.clone()),
        ("signed out once", SubjectState { epoch: 1, ..plain.clone() }),
        ("had a device", SubjectState { enrolled_at: earlier, ..plain.clone() }),
        ("was granted a grace", SubjectState { graced_at: earlier, ..plain.clone() }),
        ("proved something", plain.clone()),
        ("is known by a client", plain.clone()),
    ] {
        assert_eq!(store.commit(book(name, state)).await.unwrap(), Outcome::Done);
    }
    store.commit(password("proved something", START.plus(3 * DAY))).await.unwrap();
    store.commit(remember("is known by a client", START.plus(4 * DAY))).await.unwrap();
    clock.advance(2 * DAY + Duration::from_micros(1));
    for (strangers, left) in [(1, 5), (1, 4), (1, 3), (0, 3)] {
        assert_eq!(replica.service.sweep().await.unwrap().strangers, strangers);
        assert_eq!(database.count("subject").await, left);
        clock.advance(DAY);
    }
    clock.advance(3650 * DAY);
    assert_eq!(replica.service.sweep().await.unwrap(), Swept::default());
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

async fn a_subject_that_only_a_client_or_revoked_evidence_names_goes_with_them(database: TestDatabase) {
    let clock = clock();
    let replica = Replica::start(&database, &clock, Policies::default()).await;
    replica.remember("is known by a client", None).await;
    let proved = replica.password("proved something", &session("s")).await;
    assert_eq!(replica.revoke("proved something", Revocation::One(proved.id)).await, 1);
    assert_eq!(replica.revoke("is nobody", Revocation::Session(SessionId::trusted("s"))).await, 0);
    assert_eq!(database.count("subject").await, 3);
    clock.advance(Duration::from_secs(91 * 24 * 3600));
    assert_eq!(replica.service.sweep().await.unwrap().strangers, 3);
    assert_eq!(database.count("subject").await, 0);
}
