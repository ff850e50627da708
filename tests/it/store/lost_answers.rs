//! The connection to the server is lost at a commit, before it or after it: nothing is accepted twice,
//! and a retry under the same request id gets the true answer.

use std::sync::Arc;

use countersign::domain::policy::Policies;
use countersign::domain::proof::{Reject, Verdict};
use countersign::error::{Error, Origin};
use countersign::store::Audit;

use crate::harness::databases::{TestDatabase, on_every_server};
use crate::harness::proxy::{Cut, Proxy};
use crate::harness::replica::{Answer, Proving, Replica, clock};

on_every_server!(
    a_lost_commit_is_made_good_by_a_retry,
    a_lost_answer_is_given_by_a_retry,
    a_lost_answer_without_a_request_id_costs_the_code_and_no_more,
    the_lane_goes_on_after_each_loss,
);

/// A replica behind a proxy, and a device with codes to spend.
async fn behind_proxy(database: &TestDatabase) -> (Proxy, Arc<Replica>, Proving) {
    let proxy = Proxy::before(database).await;
    let replica = Replica::start(&proxy.route(database), &clock(), Policies::default()).await;
    let proving = replica.hotp("alice").await;
    (proxy, replica, proving)
}

fn is_unavailable<T: std::fmt::Debug>(answer: Result<T, Error>) -> bool {
    matches!(answer, Err(Error::Fault(fault)) if matches!(fault.origin, Origin::Store | Origin::Doubt))
}

/// What was accepted so often is evidence as often.
async fn accepted(database: &TestDatabase) -> i64 {
    let accepted = database.events("proof.accepted").await;
    assert_eq!(database.count("evidence").await, accepted);
    accepted
}

async fn a_lost_commit_is_made_good_by_a_retry(database: TestDatabase) {
    let (proxy, replica, proving) = behind_proxy(&database).await;
    let code = &proving.codes[0];
    proxy.arm(Cut::BeforeCommit);
    assert!(is_unavailable(replica.offer_as(&proving, code, Some([1; 16])).await));
    assert!(!proxy.is_armed());
    assert_eq!(accepted(&database).await, 1, "only the confirming one");
    let retry = replica.offer_as(&proving, code, Some([1; 16])).await.unwrap();
    assert_eq!(retry, Answer::Fresh(Verdict::Accepted));
    assert!(matches!(replica.service.store().audit().await.unwrap(), Audit::Whole { .. }));
}

async fn a_lost_answer_is_given_by_a_retry(database: TestDatabase) {
    let (proxy, replica, proving) = behind_proxy(&database).await;
    let code = &proving.codes[0];
    proxy.arm(Cut::AfterCommit);
    assert!(is_unavailable(replica.offer_as(&proving, code, Some([1; 16])).await));
    assert!(!proxy.is_armed());
    assert_eq!(accepted(&database).await, 2);
    for _ in 0..3 {
        let retry = replica.offer_as(&proving, code, Some([1; 16])).await.unwrap();
        assert_eq!(retry, Answer::Again(true));
    }
    assert_eq!(accepted(&database).await, 2);
    assert_eq!(database.events("proof.rejected").await, 0);
}

async fn a_lost_answer_without_a_request_id_costs_the_code_and_no_more(database: TestDatabase) {
    let (proxy, replica, proving) = behind_proxy(&database).await;
    proxy.arm(Cut::AfterCommit);
    assert!(is_unavailable(replica.offer(&proving, &proving.codes[0]).await));
    let replay = replica.offer(&proving, &proving.codes[0]).await.unwrap();
    assert!(matches!(replay, Verdict::Rejected { reason: Reject::Replayed, .. }));
    assert_eq!(accepted(&database).await, 2);
}

async fn the_lane_goes_on_after_each_loss(database: TestDatabase) {
    let (proxy, replica, mut proving) = behind_proxy(&database).await;
    let codes = std::mem::take(&mut proving.codes);
    for (number, code) in codes.iter().enumerate() {
        let request = Some([number as u8; 16]);
        proxy.arm(if number % 2 == 0 { Cut::AfterCommit } else { Cut::BeforeCommit });
        assert!(is_unavailable(replica.offer_as(&proving, code, request).await));
        let retry = replica.offer_as(&proving, code, request).await.unwrap();
        let expected = if number % 2 == 0 { Answer::Again(true) } else { Answer::Fresh(Verdict::Accepted) };
        assert_eq!(retry, expected, "code {number}");
        assert!(matches!(replica.service.store().audit().await.unwrap(), Audit::Whole { .. }));
    }
    assert_eq!(accepted(&database).await, 1 + codes.len() as i64);
}
