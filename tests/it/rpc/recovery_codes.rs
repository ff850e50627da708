//! Recovery codes: made, replaced, added to, chosen and used.

use std::time::Duration;

use countersign::wire::pb;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::harness::answers::{refused, said};
use crate::harness::fixture::Fixture;
use crate::harness::{Client, Harness, START};

fn of(subject: &str) -> pb::IssueRecoveryCodesRequest {
    pb::IssueRecoveryCodesRequest { subject: subject.to_owned(), ..Default::default() }
}

pub(super) fn chosen(subject: &str, code: &str) -> pb::IssueRecoveryCodesRequest {
    pb::IssueRecoveryCodesRequest { code: code.to_owned(), ..of(subject) }
}

fn more(subject: &str, count: u32) -> pb::IssueRecoveryCodesRequest {
    pb::IssueRecoveryCodesRequest { count, keep_existing: true, ..of(subject) }
}

async fn remaining(client: &Client, list: &pb::Device) -> u32 {
    left(&client.device(&list.subject, &list.id).await.unwrap())
}

fn left(list: &pb::Device) -> u32 {
    let Some(pb::device::Detail::RecoveryCodes(detail)) = &list.detail else { panic!("no recovery codes") };
    detail.remaining
}

#[tokio::test]
async fn a_list_holds_ten_codes_of_four_groups_and_each_is_used_once_in_any_order() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Row 7 of django-otp.
    let (list, mut codes) = client.list_of_codes("alice", 0).await;
    assert_eq!((codes.len(), left(&list)), (10, 10));
    for code in &codes {
        assert_eq!((code.len(), code.matches('-').count()), (19, 3), "{code}");
        assert!(
            code.bytes().all(|b| b == b'-' || b"0123456789abcdefghjkmnpqrstvwxyz".contains(&b)),
            "{code}"
        );
    }
    codes.rotate_left(7);
    for (used, code) in (1..).zip(&codes) {
        let answer = client.verify("alice", &list.id, code).await.unwrap();
        assert_eq!(said(answer.verdict.as_ref()), "accepted");
        assert_eq!(left(&answer.device.unwrap()), 10 - used);
        assert_eq!(client.says("alice", &list.id, code).await, "rejected replayed");
        client.unlock(&list).await.unwrap();
    }
    let exhausted: Vec<_> =
        harness.events().await.into_iter().filter(|event| event.what == "codes.exhausted").collect();
    assert_eq!(exhausted.len(), 1);
    assert_eq!(exhausted[0].device, list.id);
    assert_eq!(client.says("alice", &list.id, &codes[0]).await, "rejected replayed");
    assert_eq!(client.state("alice", &list.id).await, pb::DeviceState::Active);
    harness.stop().await;
}

#[tokio::test]
async fn a_code_may_be_typed_as_people_read_it() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let (list, codes) = client.list_of_codes("alice", 50).await;
    let ways: [fn(&str) -> String; 6] = [
        |code| format!("{}\r\n", code.replace('-', "\u{a0}")),
        |code| code.to_uppercase(),
        |code| code.replace('-', ""),
        |code| code.replace('-', "  "),
        |code| code.replace('0', "o").replace('1', "l"),
        |code| code.to_uppercase().replace('0', "O").replace('1', "I"),
    ];
    for (code, way) in codes.iter().zip(ways.iter().cycle()) {
        assert_eq!(client.says("alice", &list.id, &way(code)).await, "accepted", "{code}");
        // Nor is it accepted again when it is written in another way.
        for way in ways {
            assert_eq!(client.says("alice", &list.id, &way(code)).await, "rejected replayed");
            client.unlock(&list).await.unwrap();
        }
    }
    harness.stop().await;
}

#[tokio::test]
async fn what_cannot_be_a_recovery_code_is_malformed() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let (list, codes) = client.list_of_codes("alice", 3).await;
    let before = harness.dump().await;
    let code = &codes[0];
    for way in [
        code[1..].to_owned(),
        format!("{code}0"),
        code.replace('-', "_"),
        code.replace('-', "\u{2013}"),
        code.replacen(|c: char| c.is_ascii_alphanumeric(), "u", 1),
        format!("\u{200b}{code}"),
        code.chars().map(|c| char::from_u32(c as u32 + 0xfee0).unwrap()).collect(),
    ] {
        assert_eq!(client.says("alice", &list.id, &way).await, "rejected malformed", "{way:?}");
    }
    assert_eq!(harness.dump().await, before);
    assert_eq!(client.says("alice", &list.id, code).await, "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn new_codes_replace_the_whole_list_or_are_added_to_it() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let (list, old) = client.list_of_codes("alice", 5).await;
    assert_eq!(client.says("alice", &list.id, &old[0]).await, "accepted");
    harness.clock.advance(Duration::from_secs(1));
    let (same, added) = client.issue(more("alice", 2)).await.unwrap();
    assert_eq!((same.id.as_str(), added.len(), left(&same)), (list.id.as_str(), 2, 6));
    let Some(pb::device::Detail::RecoveryCodes(detail)) = &same.detail else { panic!() };
    assert_eq!(detail.issue_time, Some(super::throttle::moment(START.plus(Duration::from_secs(1)))));
    assert_eq!(client.says("alice", &list.id, &old[0]).await, "rejected replayed", "the used one stays used");
    client.unlock(&list).await.unwrap();
    assert_eq!(client.says("alice", &list.id, &old[1]).await, "accepted");
    assert_eq!(client.says("alice", &list.id, &added[0]).await, "accepted");

    let (same, new) = client.issue(of("alice")).await.unwrap();
    assert_eq!((same.id.as_str(), new.len(), left(&same)), (list.id.as_str(), 10, 10));
    let event = harness.events().await.pop().unwrap();
    assert_eq!((event.what.as_str(), event.details["count"].as_str()), ("codes.issued", "10"));
    for dead in [&old[1], &old[2], &added[0], &added[1]] {
        assert_eq!(client.says("alice", &list.id, dead).await, "rejected mismatch");
        client.unlock(&list).await.unwrap();
    }
    assert_eq!(client.says("alice", &list.id, &new[9]).await, "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn a_list_holds_50_unused_codes_at_most() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let (list, codes) = client.list_of_codes("alice", 45).await;
    let before = harness.dump().await;
    let refusal = client.issue(more("alice", 6)).await.unwrap_err();
    assert_eq!(
        (refusal.code(), refused(&refusal)),
        (Code::InvalidArgument, "INVALID_REQUEST count".to_owned())
    );
    assert_eq!(harness.dump().await, before);
    assert_eq!(left(&client.issue(more("alice", 5)).await.unwrap().0), 50);
    let refusal = client.issue(chosen("alice", "open sesame")).await.unwrap_err();
    assert_eq!(refused(&refusal), "INVALID_REQUEST code");
    // A used one makes room; a whole new list always fits.
    assert_eq!(client.says("alice", &list.id, &codes[44]).await, "accepted");
    assert_eq!(left(&client.issue(chosen("alice", "open sesame")).await.unwrap().0), 50);
    let all = pb::IssueRecoveryCodesRequest { count: 50, ..of("alice") };
    assert_eq!(left(&client.issue(all).await.unwrap().0), 50);
    harness.stop().await;
}

#[tokio::test]
async fn a_list_is_made_where_there_is_none_and_must_be_named_where_there_are_several() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Row 8 of django-otp: addstatictoken makes the device if there is none.
    let (list, codes) = client.issue(chosen("alice", "open sesame")).await.unwrap();
    assert_eq!((codes.as_slice(), left(&list)), (&["open sesame".to_owned()][..], 1));
    assert_eq!((list.state(), list.name.as_str()), (pb::DeviceState::Active, "Recovery codes"));
    assert_eq!(harness.events_of("alice").await, ["device.enrolled", "codes.issued"]);
    assert_eq!(client.issue(more("alice", 3)).await.unwrap().0.id, list.id);
    let (second, _) = client.list_of_codes("alice", 2).await;
    let refusal = client.issue(of("alice")).await.unwrap_err();
    assert_eq!(refused(&refusal), "INVALID_REQUEST device_id");
    let named = pb::IssueRecoveryCodesRequest { device_id: second.id.clone(), ..of("alice") };
    assert_eq!(client.issue(named).await.unwrap().0.id, second.id);
    assert_eq!(remaining(&client, &list).await, 4);
    harness.stop().await;
}

#[tokio::test]
async fn a_chosen_code_is_matched_exactly_and_once() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let (list, made) = client.list_of_codes("alice", 2).await;
    let (same, _) = client.issue(chosen("alice", "Open-Sesame O1")).await.unwrap();
    assert_eq!((same.id.as_str(), left(&same)), (list.id.as_str(), 3));
    for near in ["open-sesame o1", "OpenSesameO1", "Open-Sesame 01", "Open-Sesame  O1"] {
        assert_eq!(client.says("alice", &list.id, near).await, "rejected mismatch", "{near}");
        client.unlock(&list).await.unwrap();
    }
    assert_eq!(client.says("alice", "", "Open-Sesame O1").await, "accepted");
    assert_eq!(client.says("alice", &list.id, "Open-Sesame O1").await, "rejected replayed");
    client.unlock(&list).await.unwrap();
    assert_eq!(client.says("alice", &list.id, &made[0].to_uppercase()).await, "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn chosen_codes_are_6_to_64_printable_characters_of_ascii() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    for wrong in
        ["12345", " 12345 ", "      ", "pässwort", "tab\tbed", "line\nfeed", &"x".repeat(65), "\u{7f}delete"]
    {
        let refusal = client.issue(chosen("alice", wrong)).await.unwrap_err();
        assert_eq!(refused(&refusal), "INVALID_REQUEST code", "{wrong:?}");
        assert!(!format!("{refusal:?}").contains(wrong), "the message repeats the code");
    }
    assert!(!client.subject("alice").await.has_active_device);
    for right in ["123456", "a     b", &"x".repeat(64), "~!@#$%^&*()"] {
        client.issue(chosen("alice", right)).await.unwrap();
        assert_eq!(client.says("alice", &client_list(&client).await, right).await, "accepted", "{right:?}");
    }
    harness.stop().await;
}

async fn client_list(client: &Client) -> String {
    let request = pb::ListDevicesRequest { subject: "alice".to_owned(), ..Default::default() };
    let answer: pb::ListDevicesResponse = client.send("DeviceService/ListDevices", &request).await.unwrap();
    answer.devices[0].id.clone()
}

#[tokio::test]
async fn codes_are_made_only_for_a_list() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let fixture = Fixture::new(&client, "alice").await;
    let before = harness.dump().await;
    let issue = async |device: &str| {
        let request = pb::IssueRecoveryCodesRequest { device_id: device.to_owned(), ..of("alice") };
        client.issue(request).await.unwrap_err()
    };
    let refusal = issue(&fixture.totp.id).await;
    assert_eq!((refusal.code(), refused(&refusal)), (Code::FailedPrecondition, "DEVICE_KIND".to_owned()));
    assert_eq!(refusal.get_details_error_info().unwrap().metadata["kind"], "totp");
    assert_eq!(refused(&issue("nobody's").await), "DEVICE_NOT_FOUND");
    assert_eq!(harness.dump().await, before);
    harness.stop().await;
}

#[tokio::test]
async fn one_code_50_times_at_once_is_accepted_once_and_different_codes_all_are() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let (list, codes) = client.list_of_codes("alice", 11).await;
    for id in [list.id.as_str(), ""] {
        let code = if id.is_empty() { &codes[0] } else { &codes[1] };
        let answers = futures_util::future::join_all((0..50).map(|_| client.verify("alice", id, code))).await;
        let said = answers.iter().map(|answer| said(answer.as_ref().unwrap().verdict.as_ref()));
        assert_eq!(said.filter(|said| said == "accepted").count(), 1);
        client.unlock(&list).await.unwrap();
    }
    let answers = codes[2..].iter().map(|code| client.says("alice", &list.id, code));
    let answers = futures_util::future::join_all(answers).await;
    assert!(answers.iter().all(|said| said == "accepted"), "{answers:?}");
    assert_eq!(remaining(&client, &list).await, 0);
    harness.stop().await;
}
