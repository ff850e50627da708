//! Plans and grace beside an enrollment that is required.

use std::time::Duration;

use countersign::domain::policy::{Policies, Policy};
use countersign::wire::pb;
use countersign::wire::pb::DecisionOutcome as Outcome;
use countersign::wire::pb::revoke_evidence_request::Selection;

use super::{REQUIREMENTS, decide, names, plans};
use crate::harness::answers::refused;
use crate::harness::assurance::session;
use crate::harness::calls::{codes_setup, hotp_setup};
use crate::harness::fixture::SECRET;
use crate::harness::{Client, Harness, START, Wish};
use crate::rpc::throttle::moment;

/// Enrolls a device in the session of the user.
async fn enroll_here(client: &Client, setup: pb::enroll_device_request::Setup) -> Result<(), tonic::Status> {
    let request = pb::EnrollDeviceRequest {
        subject: "alice".to_owned(),
        name: "new".to_owned(),
        setup: Some(setup),
        context: Some(session("here")),
        ..Default::default()
    };
    let _: pb::EnrollDeviceResponse = client.send("DeviceService/EnrollDevice", &request).await?;
    Ok(())
}

#[tokio::test]
async fn the_password_is_asked_for_before_a_grace_is_granted() {
    let grace = Duration::from_secs(14 * 24 * 3600);
    let default = Policy { enrollment_grace: Some(grace), ..Policy::default() };
    let policies = Policies { default, ..Policies::default() };
    let harness = Harness::start_with(Wish { policies, requirements: REQUIREMENTS, ..Wish::default() }).await;
    let client = harness.client().await;
    let told = async || {
        let decision = decide(&client, "login").await;
        assert_eq!(decision.outcome(), Outcome::EnrollmentRequired);
        let plans = plans(&decision, &names(&client).await);
        (plans, decision.grace_until_time)
    };
    let missing = (vec![vec!["password".to_owned()]], None);
    assert_eq!(told().await, missing);
    client.record(session("here"), "alice", "password").await.unwrap();
    assert_eq!(told().await, (vec![], Some(moment(START.plus(grace)))));
    harness.clock.advance(Duration::from_secs(1));
    client.revoke("alice", Selection::Everything(true)).await;
    assert_eq!(told().await, missing, "after signing out everywhere");
    harness.stop().await;
}

#[tokio::test]
async fn a_device_that_guards_is_asked_for_before_another_is_enrolled() {
    let harness = Harness::start_with(Wish { requirements: REQUIREMENTS, ..Wish::default() }).await;
    let client = harness.client().await;
    let (list, codes) = client.list_of_codes("alice", 2).await;
    let names = names(&client).await;
    let decision = decide(&client, "strong").await;
    assert_eq!(decision.outcome(), Outcome::EnrollmentRequired);
    assert_eq!(plans(&decision, &names), [[format!("recovery_codes: {}", list.name)]]);
    let status = enroll_here(&client, hotp_setup(SECRET, 0)).await.unwrap_err();
    assert!(refused(&status).starts_with("STEP_UP_REQUIRED"), "{status:?}");
    client.verify_in(session("here"), "alice", &list.id, &codes[0]).await;
    let decision = decide(&client, "strong").await;
    assert_eq!((decision.outcome(), decision.plans.len()), (Outcome::EnrollmentRequired, 0));
    enroll_here(&client, hotp_setup(SECRET, 0)).await.unwrap();
    // The last code is used elsewhere: the subject has nothing left to prove.
    client.verify_in(session("elsewhere"), "alice", &list.id, &codes[1]).await;
    client.revoke("alice", Selection::Everything(true)).await;
    for requirement in ["strong", "device", "two"] {
        let decision = decide(&client, requirement).await;
        assert_eq!((decision.outcome(), &decision.retry_time), (Outcome::Unavailable, &None));
        assert!(decision.explanation.ends_with("an operator must help"), "{decision:?}");
        assert_eq!((decision.plans.len(), decision.enrollable_kinds.len()), (0, 0));
    }
    assert!(enroll_here(&client, codes_setup(5)).await.is_err());
    harness.stop().await;
}
