//! `UpdateDevice`: the name, the preference and the suspension of a device.

use std::time::Duration;

use countersign::domain::throttle::ThrottlePolicy;
use countersign::wire::pb;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::throttle::{fail, throttled};
use crate::harness::answers::refused;
use crate::harness::fixture::{OTHER, SECRET};
use crate::harness::{Client, Harness, START, hotp, secret_of};

fn named(name: &str) -> pb::UpdateDeviceRequest {
    pb::UpdateDeviceRequest { name: name.to_owned(), ..Default::default() }
}

fn everything() -> pb::UpdateDeviceRequest {
    pb::UpdateDeviceRequest { name: "new".to_owned(), preferred: true, suspended: true, ..Default::default() }
}

/// What of a device an update may change.
fn seen(device: &pb::Device) -> (&str, bool, pb::DeviceState) {
    (&device.name, device.preferred, device.state())
}

async fn prefer(client: &Client, device: &pb::Device) -> pb::Device {
    client.update(device, &["preferred"], everything()).await.unwrap()
}

#[tokio::test]
async fn only_what_the_mask_names_is_changed() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    use pb::DeviceState::{Active, Suspended};
    for (mask, expected) in [
        (&["name"][..], ("new", false, Active)),
        (&["preferred"], ("old", true, Active)),
        (&["suspended"], ("old", false, Suspended)),
        (&["name", "suspended"], ("new", false, Suspended)),
        (&["suspended", "preferred", "name"], ("new", true, Suspended)),
    ] {
        let device = client.active_hotp("alice", "old", &secret_of(&mask.join(" "))).await;
        let changed = client.update(&device, mask, everything()).await.unwrap();
        assert_eq!(seen(&changed), expected, "{mask:?}");
        assert_ne!(changed.etag, device.etag);
        assert_eq!(client.device("alice", &device.id).await.unwrap(), changed);
        client.delete(&device).await.unwrap();
    }
    harness.stop().await;
}

#[tokio::test]
async fn a_change_is_told_with_what_changed_and_no_change_is_not() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "old", SECRET).await;
    let changed = client.update(&device, &["name", "preferred", "suspended"], everything()).await.unwrap();
    let event = harness.events().await.pop().unwrap();
    assert_eq!((event.what.as_str(), &event.device), ("device.updated", &device.id));
    let told: Vec<(&str, &str)> = event.details.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(told, [("kind", "hotp"), ("name", "new"), ("preferred", "true"), ("state", "suspended")]);
    let before = harness.dump().await;
    let again = client.update(&device, &["name", "preferred", "suspended"], everything()).await.unwrap();
    assert_eq!(again, changed);
    assert_eq!(harness.dump().await, before);
    harness.stop().await;
}

#[tokio::test]
async fn an_etag_that_is_not_the_devices_any_more_is_stale() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "old", SECRET).await;
    let with = |etag: &str, name: &str| pb::UpdateDeviceRequest { etag: etag.to_owned(), ..named(name) };
    let first = client.update(&device, &["name"], with(&device.etag, "one")).await.unwrap();
    let before = harness.dump().await;
    let stale = client.update(&device, &["name"], with(&device.etag, "two")).await.unwrap_err();
    assert_eq!((stale.code(), refused(&stale)), (Code::Aborted, "STALE".to_owned()));
    assert_eq!(harness.dump().await, before);
    // Every change of the device changes it, a failed code too.
    client.says("alice", &device.id, "000000").await;
    assert!(client.update(&device, &["name"], with(&first.etag, "two")).await.is_err());
    let now = client.device("alice", &device.id).await.unwrap();
    assert_eq!(client.update(&device, &["name"], with(&now.etag, "two")).await.unwrap().name, "two");
    for never in ["v", "v+1", "v01", "1", "V1", "v1 ", "v99999999999999999999"] {
        let refusal = client.update(&device, &["name"], with(never, "three")).await.unwrap_err();
        assert_eq!(refused(&refusal), "INVALID_REQUEST etag", "{never}");
    }
    // Reading it does not.
    let read = client.device("alice", &device.id).await.unwrap().etag;
    assert_eq!(client.device("alice", &device.id).await.unwrap().etag, read);
    harness.stop().await;
}

#[tokio::test]
async fn of_two_updates_at_once_from_the_same_reading_one_wins() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "old", SECRET).await;
    let names: Vec<String> = (0..20).map(|n| format!("name {n}")).collect();
    let to = |name: &str| pb::UpdateDeviceRequest { etag: device.etag.clone(), ..named(name) };
    let updates = names.iter().map(|name| client.update(&device, &["name"], to(name)));
    let answers = futures_util::future::join_all(updates).await;
    let won: Vec<&pb::Device> = answers.iter().flatten().collect();
    assert_eq!(won.len(), 1);
    assert_eq!(client.device("alice", &device.id).await.unwrap().name, won[0].name);
    harness.stop().await;
}

#[tokio::test]
async fn at_most_one_device_of_a_subject_is_preferred() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let one = client.active_hotp("alice", "one", SECRET).await;
    let two = client.active_hotp("alice", "two", OTHER).await;
    let bobs = prefer(&client, &client.active_hotp("bob", "one", SECRET).await).await;
    assert!(prefer(&client, &one).await.preferred);
    assert!(prefer(&client, &two).await.preferred);
    assert!(!client.device("alice", &one.id).await.unwrap().preferred);
    assert!(client.device("bob", &bobs.id).await.unwrap().preferred);
    let none = client.update(&two, &["preferred"], pb::UpdateDeviceRequest::default()).await.unwrap();
    assert!(!none.preferred);

    let both = futures_util::future::join_all([&one, &two, &one, &two].map(|d| prefer(&client, d))).await;
    assert!(both.iter().all(|device| device.preferred), "each was, when it was answered");
    let (one, two) =
        (client.device("alice", &one.id).await.unwrap(), client.device("alice", &two.id).await.unwrap());
    assert!(one.preferred != two.preferred);
    harness.stop().await;
}

#[tokio::test]
async fn a_name_that_another_device_has_is_refused() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "one", SECRET).await;
    client.active_hotp("alice", "two", OTHER).await;
    client.enroll_totp("alice", "pending", &secret_of("pending")).await;
    client.active_hotp("bob", "bob's", SECRET).await;
    for name in ["two", "pending"] {
        let refusal = client.update(&device, &["name"], named(name)).await.unwrap_err();
        assert_eq!((refusal.code(), refused(&refusal)), (Code::AlreadyExists, "DEVICE_EXISTS".to_owned()));
    }
    assert_eq!(client.update(&device, &["name"], named("bob's")).await.unwrap().name, "bob's");
    assert_eq!(client.update(&device, &["name"], named("One")).await.unwrap().name, "One");
    // A pending device whose time has run out does not stand in the way.
    harness.clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(client.update(&device, &["name"], named("pending")).await.unwrap().name, "pending");
    harness.stop().await;
}

#[tokio::test]
async fn a_suspended_device_proves_nothing_and_loses_nothing() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    fail(&harness, &client, "alice", &device.id, 3).await;
    assert_eq!(client.suspend(&device, true).await.state(), pb::DeviceState::Suspended);
    let before = harness.dump().await;
    assert_eq!(client.says("alice", &device.id, &hotp(SECRET, 1)).await, "unavailable");
    assert_eq!(client.says("alice", "", &hotp(SECRET, 1)).await, "unavailable");
    assert!(!client.subject("alice").await.has_active_device);
    assert_eq!(harness.dump().await, before);
    assert_eq!(client.suspend(&device, false).await.state(), pb::DeviceState::Active);
    assert_eq!(client.failures("alice", &device.id).await, 3);
    assert_eq!(client.says("alice", &device.id, &hotp(SECRET, 1)).await, "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn a_pending_device_can_be_named_and_not_suspended() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.enroll_totp("alice", "phone", SECRET).await;
    let refusal = client.update(&device, &["suspended"], everything()).await.unwrap_err();
    assert_eq!((refusal.code(), refused(&refusal)), (Code::FailedPrecondition, "DEVICE_STATE".to_owned()));
    assert_eq!(refusal.get_details_error_info().unwrap().metadata["state"], "pending");
    let resumed = client.update(&device, &["suspended"], named("")).await.unwrap();
    assert_eq!(seen(&resumed), ("phone", false, pb::DeviceState::Pending));
    let named = client.update(&device, &["name", "preferred"], everything()).await.unwrap();
    assert_eq!(seen(&named), ("new", true, pb::DeviceState::Pending));
    assert_eq!(named.expire_time, device.expire_time);
    harness.stop().await;
}

#[tokio::test]
async fn a_locked_device_that_is_set_aside_and_resumed_stays_locked() {
    let harness = throttled(ThrottlePolicy { lock_after: 3, ..ThrottlePolicy::default() }).await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    fail(&harness, &client, "alice", &device.id, 3).await;
    assert_eq!(client.state("alice", &device.id).await, pb::DeviceState::Locked);
    assert_eq!(client.suspend(&device, false).await.state(), pb::DeviceState::Locked);
    assert_eq!(client.suspend(&device, true).await.state(), pb::DeviceState::Suspended);
    assert_eq!(client.suspend(&device, false).await.state(), pb::DeviceState::Locked);
    harness.clock.set(START.plus(Duration::from_secs(86_400)));
    assert_eq!(client.says("alice", &device.id, &hotp(SECRET, 1)).await, "unavailable");
    harness.stop().await;
}
