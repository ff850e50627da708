//! `SubjectService`.

use std::time::Duration;

use countersign::wire::pb;

use super::throttle::moment;
use crate::harness::fixture::{Fixture, SECRET, WRONG};
use crate::harness::{Harness, START};

#[tokio::test]
async fn a_subject_that_was_never_seen_has_nothing_and_leaves_nothing() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Row 20 of django-otp: an unknown user has no device.
    let before = harness.dump().await;
    let open = pb::Throttle::default();
    assert_eq!(
        client.subject("nobody").await,
        pb::GetSubjectResponse { throttle: Some(open), ..Default::default() }
    );
    assert_eq!(harness.dump().await, before);
    harness.stop().await;
}

#[tokio::test]
async fn only_active_devices_count() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let fixture = Fixture::new(&client, "alice").await;
    let kinds = async || {
        let mut kinds: Vec<_> = client.subject("alice").await.active_kinds().collect();
        kinds.sort_unstable_by_key(|kind| *kind as i32);
        kinds
    };
    use pb::DeviceKind::{Hotp, RecoveryCodes, Totp};
    assert_eq!(kinds().await, [Totp, Hotp, RecoveryCodes], "each kind once");
    client.suspend(&fixture.totp, true).await;
    client.suspend(&fixture.hotp, true).await;
    assert_eq!(kinds().await, [Hotp, RecoveryCodes]);
    client.delete(&fixture.tried).await.unwrap();
    client.delete(&fixture.list).await.unwrap();
    let left = client.subject("alice").await;
    assert_eq!((left.has_active_device, left.recovery_codes_remaining), (false, 0));
    harness.stop().await;
}

#[tokio::test]
async fn the_codes_left_are_those_of_all_active_lists() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let remaining = async || client.subject("alice").await.recovery_codes_remaining;
    let (_, codes) = client.list_of_codes("alice", 3).await;
    let (second, _) = client.list_of_codes("alice", 4).await;
    assert_eq!(remaining().await, 7);
    assert_eq!(client.says("alice", "", &codes[2]).await, "accepted");
    assert_eq!(remaining().await, 6);
    client.suspend(&second, true).await;
    assert_eq!(remaining().await, 2);
    harness.stop().await;
}

#[tokio::test]
async fn the_throttle_is_that_of_attempts_without_a_device() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let fixture = Fixture::new(&client, "alice").await;
    client.says("alice", &fixture.hotp.id, WRONG).await;
    assert_eq!(client.subject("alice").await.throttle.unwrap().failure_count, 0);
    client.says("alice", "", WRONG).await;
    let throttle = client.subject("alice").await.throttle.unwrap();
    assert_eq!((throttle.failure_count, throttle.failures_until_lock), (1, 0));
    assert_eq!(throttle.retry_time, Some(moment(START.plus(Duration::from_secs(1)))));
    harness.clock.advance(Duration::from_secs(1));
    assert_eq!(client.subject("alice").await.throttle.unwrap().retry_time, None);
    harness.stop().await;
}

#[tokio::test]
async fn the_failures_of_a_stranger_are_forgotten_after_two_days_and_those_of_a_user_are_not() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    Fixture::new(&client, "alice").await;
    for subject in ["alice", "nobody"] {
        client.says(subject, "", WRONG).await;
    }
    harness.clock.advance(Duration::from_secs(2 * 86_400));
    assert_eq!(harness.service.sweep().await.unwrap().strangers, 0);
    harness.clock.advance(Duration::from_secs(1));
    assert_eq!(harness.service.sweep().await.unwrap().strangers, 1);
    assert_eq!(client.subject("nobody").await.throttle.unwrap().failure_count, 0);
    assert_eq!(client.subject("alice").await.throttle.unwrap().failure_count, 1);
    harness.stop().await;
}

#[tokio::test]
async fn a_list_whose_codes_are_all_used_is_no_device_to_go_by() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let (list, codes) = client.list_of_codes("alice", 2).await;
    for (code, is_left) in codes.iter().zip([true, false]) {
        let subject = client.subject("alice").await;
        assert!(subject.has_active_device);
        assert_eq!(client.says("alice", &list.id, code).await, "accepted");
        let subject = client.subject("alice").await;
        assert_eq!(
            (subject.has_active_device, subject.active_kinds().count()),
            (is_left, usize::from(is_left))
        );
    }
    client.active_hotp("alice", "token", SECRET).await;
    let subject = client.subject("alice").await;
    assert!(subject.has_active_device);
    assert_eq!(subject.active_kinds().collect::<Vec<_>>(), [pb::DeviceKind::Hotp]);
    harness.stop().await;
}
