//! The least that is missing, by the devices that there are.

use std::time::Duration;

use countersign::domain::policy::{Policies, Policy};
use countersign::domain::throttle::ThrottlePolicy;
use countersign::env::Clock as _;
use countersign::wire::pb;
use countersign::wire::pb::DecisionOutcome as Outcome;
use countersign::wire::pb::DeviceKind as Kind;

use super::{REQUIREMENTS, asks, decide, evaluate, names, plans, server};
use crate::harness::answers::refused;
use crate::harness::assurance::session;
use crate::harness::calls::{codes_setup, hotp_setup};
use crate::harness::fixture::{OTHER, SECRET, TOKEN, WRONG};
use crate::harness::{Harness, START, Wish, hotp, rulebook, secret_of};
use crate::rpc::throttle::{moment, throttled};

#[tokio::test]
async fn plans_name_the_right_devices_in_order() {
    let harness = server().await;
    let client = harness.client().await;
    client.active_hotp("alice", "a", SECRET).await;
    client.active_totp_named("alice", "phone", OTHER, START).await;
    harness.clock.advance(Duration::from_secs(1));
    let b = client.active_hotp("alice", "b", TOKEN).await;
    client.list_of_codes("alice", 3).await;
    client.enroll("alice", "pending", hotp_setup(&secret_of("pending"), 0)).await.unwrap();
    let names = names(&client).await;
    let plans = async |requirement: &str| plans(&decide(&client, requirement).await, &names);
    // What was used last is at hand; a recovery code is the last resort.
    assert_eq!(
        plans("login").await,
        [
            ["password", "hotp: b, a"].map(str::to_owned),
            ["password", "totp: phone"].map(str::to_owned),
            ["password", "recovery_codes: Recovery codes"].map(str::to_owned)
        ]
        .map(Vec::from)
    );
    client.record(session("here"), "alice", "password").await.unwrap();
    assert_eq!(plans("login").await.len(), 3);
    assert!(plans("login").await.iter().all(|plan| plan.len() == 1), "no more than is missing");
    assert_eq!(plans("strong").await, [["hotp: b, a"], ["totp: phone"]]);
    // Preferred first.
    let prefer = async |name: &str| {
        let id = names.iter().find(|(_, other)| *other == name).unwrap().0;
        let to = pb::UpdateDeviceRequest { preferred: true, ..Default::default() };
        client.update(&client.device("alice", id).await.unwrap(), &["preferred"], to).await.unwrap();
    };
    prefer("phone").await;
    assert_eq!(plans("strong").await, [["totp: phone"], ["hotp: b, a"]]);
    prefer("a").await;
    assert_eq!(plans("strong").await, [["hotp: a, b"], ["totp: phone"]]);
    // The one that has proved something already is not asked for again.
    client.verify_in(session("here"), "alice", &b.id, &hotp(TOKEN, 1)).await;
    assert_eq!(plans("two").await, [["hotp: a"], ["totp: phone"]]);
    assert_eq!(decide(&client, "login").await.outcome(), Outcome::Satisfied);
    harness.stop().await;
}

#[tokio::test]
async fn several_requirements_are_decided_each_and_together() {
    let harness = server().await;
    let client = harness.client().await;
    client.active_hotp("alice", "token", SECRET).await;
    client.active_totp_named("alice", "phone", OTHER, START).await;
    let names = names(&client).await;
    let answer = evaluate(&client, &asks(&["device", "token", "login"])).await.unwrap();
    let named: Vec<_> = answer.decisions.iter().map(|decision| decision.requirement.as_str()).collect();
    assert_eq!(named, ["device", "token", "login"], "in the order in which they were asked for");
    assert_eq!(plans(&answer.decisions[0], &names).len(), 2);
    let joint = answer.joint.unwrap();
    assert_eq!((joint.requirement.as_str(), joint.requirement_revision.as_str()), ("", ""));
    assert_eq!(plans(&joint, &names), [["password", "hotp: token"]], "one prompt for three");
    assert_eq!(evaluate(&client, &asks(&["login"])).await.unwrap().joint, None, "absent for one");
    harness.stop().await;
}

#[tokio::test]
async fn what_the_client_cannot_do_is_in_no_plan() {
    let harness = server().await;
    let client = harness.client().await;
    client.active_hotp("alice", "token", SECRET).await;
    let with = |capabilities: &[pb::ClientCapability]| pb::EvaluateRequest {
        capabilities: capabilities.iter().map(|one| i32::from(*one)).collect(),
        ..asks(&["device"])
    };
    use pb::ClientCapability::{Code as TakesCode, Webauthn};
    for (capabilities, outcome) in [
        (&[][..], Outcome::StepUpRequired),
        (&[TakesCode], Outcome::StepUpRequired),
        (&[Webauthn, TakesCode], Outcome::StepUpRequired),
        (&[Webauthn], Outcome::Unavailable),
    ] {
        let decision = evaluate(&client, &with(capabilities)).await.unwrap().decisions.remove(0);
        assert_eq!(decision.outcome(), outcome, "{capabilities:?}");
        if outcome == Outcome::Unavailable {
            assert_eq!(decision.explanation, "unavailable: hotp cannot be used with this client");
        }
    }
    let given = |capabilities: &[i32]| pb::EvaluateRequest {
        capabilities: capabilities.to_vec(),
        ..asks(&["device"])
    };
    let status = evaluate(&client, &given(&[1, 0])).await.unwrap_err();
    assert_eq!(refused(&status), "INVALID_REQUEST capabilities[1]");
    // Unknown capabilities are ignored, but a client that names only such can do nothing.
    for (capabilities, outcome) in [
        (&[99, 1][..], Outcome::StepUpRequired),
        (&[99], Outcome::Unavailable),
        (&[-1, 99], Outcome::Unavailable),
    ] {
        let decision = evaluate(&client, &given(capabilities)).await.unwrap().decisions.remove(0);
        assert_eq!(decision.outcome(), outcome, "{capabilities:?}");
    }
    harness.stop().await;
}

#[tokio::test]
async fn what_is_throttled_is_unavailable_until_a_moment_and_what_is_locked_without_one() {
    let harness =
        throttled(ThrottlePolicy { lock_after: 3, factor: Duration::from_secs(8), ..Default::default() })
            .await;
    let client = harness.client().await;
    harness.service.replace_rulebook(rulebook(REQUIREMENTS));
    let token = client.active_hotp("alice", "token", SECRET).await;
    for (seconds, failures) in [(8, 1), (16, 2)] {
        client.verify("alice", &token.id, WRONG).await.unwrap();
        let decision = decide(&client, "device").await;
        assert_eq!(decision.outcome(), Outcome::Unavailable, "{failures}");
        let until = moment(harness.clock.now().plus(Duration::from_secs(seconds)));
        assert_eq!(decision.retry_time, Some(until));
        assert_eq!(decision.explanation, format!("unavailable: hotp is throttled for {seconds}s"));
        let just_before = Duration::from_micros(seconds * 1_000_000 - 1);
        harness.clock.advance(just_before);
        assert_eq!(decide(&client, "device").await.retry_time, Some(until));
        harness.clock.advance(Duration::from_micros(1));
        let decision = decide(&client, "device").await;
        assert_eq!((decision.outcome(), decision.retry_time), (Outcome::StepUpRequired, None));
    }
    client.verify("alice", &token.id, WRONG).await.unwrap();
    let decision = decide(&client, "device").await;
    assert_eq!((decision.outcome(), decision.retry_time), (Outcome::Unavailable, None));
    assert_eq!(decision.explanation, "unavailable: hotp is locked");
    client.unlock(&token).await.unwrap();
    client.suspend(&token, true).await;
    assert_eq!(decide(&client, "device").await.explanation, "unavailable: hotp is suspended");
    harness.stop().await;
}

#[tokio::test]
async fn enrollment_is_required_where_no_device_could_do_and_a_grace_is_told() {
    let grace = Duration::from_secs(14 * 24 * 3600);
    let default = Policy { enrollment_grace: Some(grace), ..Policy::default() };
    let policies = Policies { default, ..Policies::default() };
    let wish = Wish { policies, requirements: REQUIREMENTS, ..Wish::default() };
    let harness = Harness::start_with(wish).await;
    let client = harness.client().await;
    let decision = decide(&client, "device").await;
    assert_eq!(decision.outcome(), Outcome::EnrollmentRequired);
    assert_eq!(decision.enrollable_kinds, [Kind::Hotp, Kind::RecoveryCodes, Kind::Totp].map(i32::from));
    assert_eq!(decision.grace_until_time, Some(moment(START.plus(grace))));
    assert_eq!(decide(&client, "strong").await.enrollable_kinds, [Kind::Hotp, Kind::Totp].map(i32::from));
    let impossible = decide(&client, "impossible").await;
    assert_eq!(impossible.outcome(), Outcome::Unavailable, "no kind could give it");
    client.enroll("alice", "", codes_setup(1)).await.unwrap();
    let decision = decide(&client, "strong").await;
    assert_eq!((decision.outcome(), decision.grace_until_time), (Outcome::EnrollmentRequired, None));
    harness.stop().await;
}
