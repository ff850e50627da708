//! A form that is submitted twice: a session offers a code again that it had accepted moments ago, and no failure is
//! counted. From anywhere else, or later, one is.

use std::time::Duration;

use countersign::domain::context::Context;
use countersign::domain::proof::{Reject, Verdict};
use countersign::service::Attempt;
use futures_util::future::join_all;

use super::replicas;
use crate::harness::asking::{attempt, session};
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::fixture::WRONG;
use crate::harness::replica::{Proving, Replica};

on_every_database!(
    a_form_that_is_submitted_many_times_costs_no_failure,
    a_replay_from_elsewhere_or_later_is_a_guess,
);

/// A device of each kind.
async fn devices(replica: &Replica) -> [Proving; 3] {
    [replica.totp("totp").await, replica.hotp("hotp").await, replica.recovery_codes("codes").await]
}

async fn says(replica: &Replica, attempt: &Attempt) -> Verdict {
    replica.attempted(attempt).await.unwrap().verdict
}

async fn a_form_that_is_submitted_many_times_costs_no_failure(database: TestDatabase) {
    let replicas = replicas(&database, 2).await;
    let here = session("here");
    for proving in devices(&replicas[0]).await {
        for (code, is_named) in [(0, true), (1, false)] {
            let device = is_named.then(|| proving.device.clone());
            let form = Attempt { device, ..attempt(&proving, &proving.codes[code], &here) };
            let sent = (0..6).map(|n| says(&replicas[n % 2], &form));
            let verdicts = join_all(sent).await;
            let accepted = verdicts.iter().filter(|verdict| **verdict == Verdict::Accepted).count();
            assert_eq!(accepted, 1, "{verdicts:?}");
            let uncounted = Verdict::Rejected { reason: Reject::Replayed, retry_at: None };
            assert_eq!(verdicts.iter().filter(|verdict| **verdict == uncounted).count(), 5, "{verdicts:?}");
            assert_eq!(replicas[0].device(&proving).await.failures.count, 0);
            // A wrong code from the same session is counted.
            let wrong = Attempt { device: form.device.clone(), ..attempt(&proving, WRONG, &here) };
            let wrong = says(&replicas[0], &wrong).await;
            // Recovery codes are longer, so for a list this one is malformed.
            if !matches!(wrong, Verdict::Rejected { reason: Reject::Malformed, .. }) {
                assert!(matches!(wrong, Verdict::Rejected { retry_at: Some(_), .. }), "{wrong:?}");
            }
            for replica in &replicas {
                replica.clock.advance(Duration::from_secs(5));
            }
        }
    }
    assert_eq!(database.count("event WHERE details LIKE '%replayed%'").await, 0);
}

async fn a_replay_from_elsewhere_or_later_is_a_guess(database: TestDatabase) {
    let replicas = replicas(&database, 2).await;
    let replica = &replicas[0];
    for proving in devices(replica).await {
        let offer = |context: &Context| attempt(&proving, &proving.codes[0], context);
        assert_eq!(says(replica, &offer(&session("here"))).await, Verdict::Accepted);
        let mut failures = 0;
        for context in [session("there"), Context::default()] {
            replica.unlock(&proving).await;
            assert!(matches!(says(replica, &offer(&context)).await, Verdict::Rejected { .. }));
            failures += 1;
            assert_eq!(replica.device(&proving).await.failures.count, 1);
        }
        replica.unlock(&proving).await;
        replica.clock.advance(Duration::from_secs(60));
        assert!(matches!(says(replica, &offer(&session("here"))).await, Verdict::Rejected { .. }));
        assert_eq!((replica.device(&proving).await.failures.count, failures), (1, 2));
    }
}
