//! A device that cannot be read, or whose secret cannot be opened, gives no free guesses at the subject's other devices,
//! and does not keep their codes from being accepted.

use std::time::Duration;

use countersign::domain::policy::Policies;
use countersign::domain::proof::{Reject, Verdict};
use countersign::error::{Error, Origin};

use crate::harness::databases::{Engine, TestDatabase, on_every_database};
use crate::harness::replica::{Proving, Replica, clock};

on_every_database!(guesses_beside_a_broken_device_count, a_broken_device_alone_is_an_error,);

/// Ways to break a device.
const BREAKS: usize = 2;

async fn broken(database: &TestDatabase, device: &Proving, way: usize) {
    let bytes = if database.engine == Engine::Postgres { "'\\x00'::bytea" } else { "x'00'" };
    let set = [format!("secret = {bytes}"), "detail = '{}'".to_owned()];
    let id = &device.device;
    database.execute(&format!("UPDATE device SET {} WHERE id = '{id}'", set[way])).await;
}

async fn guesses_beside_a_broken_device_count(database: TestDatabase) {
    let clock = clock();
    let before = Replica::start(&database, &clock, Policies::default()).await;
    let mut cases = Vec::new();
    for (place, way) in (0..3).flat_map(|place| (0..BREAKS).map(move |way| (place, way))) {
        let subject = format!("subject {place} {way}");
        let mut devices = Vec::new();
        // The device that was used last is tried first.
        for name in ["one", "two", "three"] {
            clock.advance(Duration::from_secs(1));
            devices.push(before.active_fresh(&subject, name, None).await.unwrap());
        }
        broken(&database, &devices.remove(place), way).await;
        cases.push((subject, devices));
    }
    before.stop().await;
    // A replica that does not remember how the devices were.
    let replica = Replica::start(&database, &clock, Policies::default()).await;
    for (subject, devices) in &cases {
        for failures in 1..=4 {
            let before = database.events("proof.rejected").await;
            let verdict = replica.offer_any(subject, "000000").await.unwrap();
            assert!(
                matches!(verdict, Verdict::Rejected { reason: Reject::Mismatch, .. }),
                "{subject}: {verdict:?}"
            );
            assert_eq!(database.events("proof.rejected").await, before + 1, "{subject}");
            let verdict = replica.offer_any(subject, "000000").await.unwrap();
            assert!(matches!(verdict, Verdict::Throttled { .. }), "{subject}: {verdict:?}");
            clock.advance(Duration::from_secs(1 << failures));
        }
        for device in devices {
            clock.advance(Duration::from_secs(60));
            assert_eq!(
                replica.offer_any(subject, &device.codes[0]).await.unwrap(),
                Verdict::Accepted,
                "{subject}"
            );
        }
    }
    replica.stop().await;
}

async fn a_broken_device_alone_is_an_error(database: TestDatabase) {
    let replica = Replica::start(&database, &clock(), Policies::default()).await;
    for way in 0..BREAKS {
        let subject = format!("subject {way}");
        let device = replica.active_fresh(&subject, "one", None).await.unwrap();
        broken(&database, &device, way).await;
        let told = replica.offer_any(&subject, &device.codes[0]).await;
        assert!(matches!(&told, Err(Error::Fault(fault)) if fault.origin == Origin::Internal), "{told:?}");
    }
    replica.stop().await;
}
