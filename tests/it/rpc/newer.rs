//! Devices that a newer release wrote, of a kind or in a form that this one does not know: they protect their subject, are
//! never asked for a proof, and stay as they are. No release wrote a state without a form: that is a fault.

use std::time::Duration;

use countersign::wire::pb;

use crate::harness::answers::{refused, said};
use crate::harness::assurance::session;
use crate::harness::calls::{hotp_setup, totp_setup};
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::{Harness, Wish, hotp};

on_every_database!(
    a_device_of_a_newer_release_protects_its_subject_and_proves_nothing,
    an_enrollment_of_a_newer_release_is_swept,
);

const SECRET: &[u8] = b"12345678901234567890";
const OTHER: &[u8] = b"abcdefghijklmnopqrst";
const FORM: &str = r#"{"v":99,"homing":true}"#;

/// What a newer release may have written: another kind, or another form of a kind that is known.
fn ways() -> [String; 2] {
    ["kind = 'pigeon'".to_owned(), format!("detail = '{FORM}'")]
}

async fn stored(database: &TestDatabase, id: &str) -> (String, String) {
    let rows = database.rows(&format!("SELECT kind, detail FROM device WHERE id = '{id}'")).await;
    (rows[0].try_get("", "kind").unwrap(), rows[0].try_get("", "detail").unwrap())
}

async fn a_device_of_a_newer_release_protects_its_subject_and_proves_nothing(database: TestDatabase) {
    let harness = Harness::start_on(&database, Wish::default()).await;
    let client = harness.client().await;
    let mut devices = Vec::new();
    for (n, way) in ways().into_iter().enumerate() {
        let device = client.active_hotp(&format!("subject-{n}"), "newer", SECRET).await;
        database.execute(&format!("UPDATE device SET {way} WHERE id = '{}'", device.id)).await;
        devices.push(device);
    }
    // A server that does not remember how they were.
    let harness = harness.restart().await;
    let client = harness.client().await;
    for newer in devices {
        let (subject, id) = (newer.subject.as_str(), newer.id.as_str());
        let before = stored(&database, id).await;
        let read = client.device(subject, id).await.unwrap();
        assert_eq!((read.state(), read.detail), (pb::DeviceState::Active, None));
        for device in [id, ""] {
            assert_eq!(client.says(subject, device, &hotp(SECRET, 1)).await, "unavailable");
        }
        assert!(client.subject(subject).await.has_active_device);
        let alone = client.evaluate(session("session"), subject, "countersign.enroll").await;
        if read.kind() == pb::DeviceKind::Hotp {
            assert_eq!(alone.outcome(), pb::DecisionOutcome::Unavailable, "{alone:?}");
        }
        assert_ne!(alone.outcome(), pb::DecisionOutcome::Satisfied);
        // Its codes cannot be resynchronized here.
        let run = [hotp(SECRET, 5), hotp(SECRET, 6)];
        assert_eq!(said(client.resync(&newer, &run).await.unwrap().verdict.as_ref()), "unavailable");
        let request = pb::EnrollDeviceRequest {
            subject: subject.to_owned(),
            setup: Some(totp_setup(OTHER)),
            context: Some(session("session-of-somebody")),
            ..Default::default()
        };
        let enrolled = client.devices.clone().enroll_device(request).await;
        assert_eq!(refused(&enrolled.unwrap_err()), "STEP_UP_REQUIRED");
        // An operator adds a device, which proves what the other one cannot.
        let other = client.active_hotp(subject, "other", OTHER).await;
        let decision = client.evaluate(session("session"), subject, "countersign.enroll").await;
        let asked: Vec<_> = decision.plans.iter().flat_map(|plan| &plan.steps).collect();
        let Some(pb::step::Step::Device(step)) = &asked[0].step else { panic!("{asked:?}") };
        assert_eq!((asked.len(), &step.device_ids), (1, &vec![other.id.clone()]));
        // A wrong code without a device is counted as ever.
        assert_eq!(client.says(subject, "", "000000").await, "rejected mismatch");
        assert_eq!(client.says(subject, "", &hotp(OTHER, 1)).await, "throttled");
        harness.clock.advance(Duration::from_secs(2));
        assert_eq!(client.says(subject, "", &hotp(OTHER, 1)).await, "accepted");
        // What the newer release wrote stays through all that can be done to the device.
        client.suspend(&newer, true).await;
        client.suspend(&newer, false).await;
        client.unlock(&newer).await.unwrap();
        assert_eq!(stored(&database, id).await, before);
        client.delete(&newer).await.unwrap();
        // What was used up of its secret is not known here, so the secret is not taken again.
        let again = client.enroll(subject, "again", hotp_setup(SECRET, 0)).await.unwrap_err();
        assert_eq!(refused(&again), "INVALID_REQUEST hotp.secret");
    }
    harness.stop().await;
}

async fn an_enrollment_of_a_newer_release_is_swept(database: TestDatabase) {
    let harness = Harness::start_on(&database, Wish::default()).await;
    let client = harness.client().await;
    for (n, way) in ways().into_iter().enumerate() {
        let device = client.enroll_totp(&format!("subject-{n}"), "newer", SECRET).await;
        database.execute(&format!("UPDATE device SET {way} WHERE id = '{}'", device.id)).await;
    }
    harness.clock.advance(Duration::from_secs(16 * 60));
    assert_eq!(harness.service.sweep().await.unwrap().devices, 2);
    harness.stop().await;
}
