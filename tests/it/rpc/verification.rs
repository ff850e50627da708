//! `VerificationService`.

use countersign::wire::pb::{Outcome, RejectReason};

use crate::harness::{Harness, START, code};

const SECRET: &[u8] = b"12345678901234567890";

#[tokio::test]
async fn a_code_works_once_and_the_code_that_confirmed_does_not_log_in() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_totp("alice", SECRET, START).await;

    let again = client.verify("alice", &device.id, &code(SECRET, START, 0)).await.unwrap();
    let verdict = again.verdict.unwrap();
    assert_eq!(verdict.outcome(), Outcome::Rejected);
    assert_eq!(verdict.reject_reason(), RejectReason::Replayed);

    harness.clock.set(countersign::domain::moment::Moment::from_secs(START.secs() + 30));
    let next = code(SECRET, START, 1);
    let first = client.verify("alice", &device.id, &next).await.unwrap();
    assert_eq!(first.verdict.unwrap().outcome(), Outcome::Accepted);
    assert_eq!(first.device.unwrap().throttle.unwrap().failure_count, 0);
    let second = client.verify("alice", &device.id, &next).await.unwrap();
    assert_eq!(second.verdict.unwrap().reject_reason(), RejectReason::Replayed);
    harness.stop().await;
}
