//! `ListDevices`: which devices, in which order, in which pages.

use std::time::Duration;

use countersign::domain::policy::{Policies, Policy};
use countersign::wire::pb;

use crate::harness::answers::refused;
use crate::harness::fixture::{Fixture, OTHER, SECRET};
use crate::harness::{Client, Harness, Wish, hotp};

fn of(subject: &str) -> pb::ListDevicesRequest {
    pb::ListDevicesRequest { subject: subject.to_owned(), ..Default::default() }
}

async fn page(client: &Client, request: &pb::ListDevicesRequest) -> (Vec<String>, String) {
    let answer: pb::ListDevicesResponse = client.send("DeviceService/ListDevices", request).await.unwrap();
    (answer.devices.into_iter().map(|device| device.name).collect(), answer.next_page_token)
}

#[tokio::test]
async fn devices_are_offered_preferred_first_then_the_most_recently_used_then_the_oldest() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Lists of codes are active without having been used.
    let names = ["first", "second", "third"];
    for name in names {
        client.enroll("alice", name, crate::harness::calls::codes_setup(1)).await.unwrap();
        harness.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(client.names(&of("alice")).await, ["first", "second", "third"]);
    let four = client.active_hotp("alice", "four", SECRET).await;
    harness.clock.advance(Duration::from_secs(1));
    let five = client.active_hotp("alice", "five", OTHER).await;
    assert_eq!(client.names(&of("alice")).await, ["five", "four", "first", "second", "third"]);
    harness.clock.advance(Duration::from_secs(1));
    assert_eq!(client.says("alice", &four.id, &hotp(SECRET, 1)).await, "accepted");
    assert_eq!(client.names(&of("alice")).await, ["four", "five", "first", "second", "third"]);
    // A failure is no use.
    harness.clock.advance(Duration::from_secs(1));
    assert_eq!(client.says("alice", &five.id, "000000").await, "rejected mismatch");
    assert_eq!(client.names(&of("alice")).await, ["four", "five", "first", "second", "third"]);
    let to = pb::UpdateDeviceRequest { preferred: true, ..Default::default() };
    client.update(&five, &["preferred"], to).await.unwrap();
    assert_eq!(client.names(&of("alice")).await, ["five", "four", "first", "second", "third"]);
    harness.stop().await;
}

#[tokio::test]
async fn only_active_devices_are_listed_unless_other_states_are_asked_for() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Row 20 of django-otp: the same defaults.
    let fixture = Fixture::new(&client, "alice").await;
    client.suspend(&fixture.hotp, true).await;
    use pb::DeviceState::{Active, Locked, Pending, Suspended};
    use pb::{DeviceKind, DeviceState};
    let ask = async |states: &[DeviceState], kinds: &[DeviceKind]| -> Vec<String> {
        let mut names = client
            .names(&pb::ListDevicesRequest {
                states: states.iter().map(|state| *state as i32).collect(),
                kinds: kinds.iter().map(|kind| *kind as i32).collect(),
                ..of("alice")
            })
            .await;
        names.sort_unstable();
        names
    };
    assert_eq!(ask(&[], &[]).await, ["Recovery codes", "phone", "tried"]);
    assert_eq!(ask(&[Active], &[]).await, ["Recovery codes", "phone", "tried"]);
    assert_eq!(ask(&[Pending], &[]).await, ["new phone"]);
    assert_eq!(ask(&[Suspended], &[]).await, ["token"]);
    assert_eq!(ask(&[Locked], &[]).await, [""; 0]);
    assert_eq!(ask(&[Pending, Suspended, Pending], &[]).await, ["new phone", "token"]);
    assert_eq!(ask(&[], &[DeviceKind::Totp]).await, ["phone"]);
    assert_eq!(ask(&[Active, Pending], &[DeviceKind::Totp]).await, ["new phone", "phone"]);
    assert_eq!(ask(&[], &[DeviceKind::Hotp, DeviceKind::RecoveryCodes]).await, ["Recovery codes", "tried"]);
    assert!(client.names(&of("bob")).await.is_empty(), "an unknown subject has none");
    harness.stop().await;
}

#[tokio::test]
async fn pages_give_each_device_once_in_order() {
    let policies =
        Policies { default: Policy { devices_per_subject: 300, ..Policy::default() }, ..Policies::default() };
    let harness = Harness::start_with(Wish { policies, ..Wish::default() }).await;
    let client = harness.client().await;
    for _ in 0..53 {
        client.enroll("alice", "", crate::harness::calls::codes_setup(1)).await.unwrap();
        harness.clock.advance(Duration::from_secs(1));
    }
    let all = client.names(&pb::ListDevicesRequest { page_size: 200, ..of("alice") }).await;
    assert_eq!(all.len(), 53);
    let (first, next) = page(&client, &of("alice")).await;
    assert_eq!((first.as_slice(), next.is_empty()), (&all[..50], false), "50 by default");
    let (rest, end) = page(&client, &pb::ListDevicesRequest { page_token: next, ..of("alice") }).await;
    assert_eq!((rest.as_slice(), end.as_str()), (&all[50..], ""));
    for page_size in [1, 7, 52, 53, 54, i32::MAX] {
        let (mut seen, mut page_token) = (Vec::new(), String::new());
        loop {
            let (names, next) =
                page(&client, &pb::ListDevicesRequest { page_size, page_token, ..of("alice") }).await;
            assert!(names.len() <= usize::try_from(page_size).unwrap() && !names.is_empty());
            seen.extend(names);
            page_token = next;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, all, "pages of {page_size}");
    }
    harness.stop().await;
}

#[tokio::test]
async fn a_page_token_of_another_listing_is_refused() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let fixture = Fixture::new(&client, "alice").await;
    Fixture::new(&client, "bob").await;
    let (_, next) = page(&client, &pb::ListDevicesRequest { page_size: 1, ..of("bob") }).await;
    for token in [next, fixture.pending.id, "nonsense".to_owned()] {
        let request = pb::ListDevicesRequest { page_token: token, ..of("alice") };
        let answer: Result<pb::ListDevicesResponse, _> =
            client.send("DeviceService/ListDevices", &request).await;
        assert_eq!(refused(&answer.unwrap_err()), "INVALID_REQUEST page_token");
    }
    harness.stop().await;
}
