//! A decision that uses evidence up, and a guarded call, are committed before what they rest on is taken back, or not at
//! all. One replica writes all of it, so its audit log tells the order.

use std::sync::Arc;
use std::time::Duration;

use countersign::domain::context::{Context, Reach};
use countersign::domain::ids::{EvidenceId, SessionId};
use countersign::domain::policy::Policy;
use countersign::domain::throttle::ThrottlePolicy;
use countersign::service::Revocation;
use tokio::sync::Barrier;

use super::replica_with;
use crate::harness::asking::{attempt, question, session, with_token, with_transaction};
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::fixture::WRONG;
use crate::harness::replica::{Proving, Replica};
use crate::harness::rulebook;

on_every_database!(
    nothing_is_used_up_or_enrolled_by_what_was_taken_back_before,
    a_guarded_call_may_use_up_evidence_of_the_device_that_it_ends,
);

const REQUIREMENTS: &[(&str, &str)] = &[
    ("pay", "password within 10m and hotp for transaction"),
    ("countersign.enroll", "password within 10m and hotp within 10m"),
];

/// What ends the evidence of a subject.
#[derive(Debug, Clone, Copy)]
enum Taken {
    Everything,
    Session,
    One,
    Clients,
    Locked,
    Suspended,
    Deleted,
}

impl Taken {
    const ALL: [Self; 7] = [
        Self::Everything,
        Self::Session,
        Self::One,
        Self::Clients,
        Self::Locked,
        Self::Suspended,
        Self::Deleted,
    ];

    fn event(self) -> &'static str {
        match self {
            Self::Everything => "subject.signed_out",
            Self::Session | Self::One => "evidence.revoked",
            Self::Clients => "client.forgotten",
            Self::Locked => "device.locked",
            Self::Suspended => "device.updated",
            Self::Deleted => "device.deleted",
        }
    }
}

/// What rests on that evidence.
#[derive(Debug, Clone, Copy)]
enum Used {
    Evaluate,
    Verify,
    Enroll,
}

impl Used {
    const ALL: [Self; 3] = [Self::Evaluate, Self::Verify, Self::Enroll];

    fn event(self) -> &'static str {
        match self {
            Self::Evaluate | Self::Verify => "evidence.spent",
            Self::Enroll => "device.enrolled",
        }
    }
}

/// A subject with two devices, who has proved one of them and a password.
struct Subject {
    name: String,
    token: Proving,
    /// Used by no evidence.
    other: Proving,
    password: EvidenceId,
    here: Context,
}

impl Subject {
    async fn prepare(replica: &Replica, name: String) -> Self {
        let token = replica.active_in(&name, "token", None).await;
        let other = replica.active_in(&name, "other", None).await;
        let browser = replica.remember(&name, None).await.token;
        let here = with_token(&session("here"), &browser);
        // Found by its client only.
        let there = with_token(&session("there"), &browser);
        let password = replica.password_as(&name, &there, Reach::Client).await.id;
        replica.prove(&token, 0, &here).await;
        replica.prove(&token, 1, &with_transaction(&here, 1)).await;
        Self { name, token, other, password, here }
    }

    async fn take(&self, replica: &Replica, taken: Taken) {
        let revoked = match taken {
            Taken::Everything => Revocation::Everything,
            Taken::Session => Revocation::Session(SessionId::trusted("there")),
            Taken::One => Revocation::One(self.password.clone()),
            Taken::Clients => return assert_eq!(replica.forget(&self.name, &[]).await, 1),
            Taken::Locked => return assert!(replica.offer(&self.token, WRONG).await.is_ok()),
            Taken::Suspended => return drop(replica.suspend_in(&self.token, true, None).await.unwrap()),
            Taken::Deleted => return replica.delete_in(&self.token, None).await.unwrap(),
        };
        replica.revoke(&self.name, revoked).await;
    }

    async fn make_use(&self, replica: &Replica, used: Used) {
        let payment = with_transaction(&self.here, 1);
        match used {
            Used::Evaluate => drop(replica.holds(&self.name, &payment, "pay").await),
            Used::Verify => {
                // By the other device, so only the password and the subject are shared with what happens meanwhile.
                let mut attempt = attempt(&self.other, &self.other.codes[0], &payment);
                attempt.question = question(&["pay"]);
                drop(replica.attempted(&attempt).await.unwrap());
            }
            // Refused, if it comes too late.
            Used::Enroll => drop(replica.enroll_in(&self.name, "third", Some(&self.here)).await),
        }
    }
}

async fn nothing_is_used_up_or_enrolled_by_what_was_taken_back_before(database: TestDatabase) {
    let throttle = ThrottlePolicy { factor: Duration::ZERO, lock_after: 1, ..ThrottlePolicy::default() };
    let replica = replica_with(&database, Policy { throttle, ..Policy::default() }).await;
    replica.service.replace_rulebook(rulebook(REQUIREMENTS));
    let (mut first, mut last) = (0, 0);
    for taken in Taken::ALL {
        for used in Used::ALL {
            if matches!((taken, used), (Taken::Locked | Taken::Suspended | Taken::Deleted, Used::Verify)) {
                // It rests on the other device.
                continue;
            }
            for round in 0..10 {
                let subject = Subject::prepare(&replica, format!("{taken:?} {used:?} {round}")).await;
                race(&replica, &subject, taken, used).await;
                let order = order(&database, &subject.name).await;
                let place = |event: &str| order.iter().rposition(|what| what == event);
                let taken_at = place(taken.event()).unwrap();
                let used_at =
                    place(used.event()).filter(|at| !matches!(used, Used::Enroll) || is_third(&order, *at));
                assert!(used_at.is_none_or(|at| at < taken_at), "{taken:?}, {used:?}: {order:?}");
                *(if used_at.is_some() { &mut first } else { &mut last }) += 1;
            }
        }
    }
    assert!(first > 0 && last > 0, "{first} before and {last} after");
}

/// True if the enrollment at that place is that of the third device.
fn is_third(order: &[String], at: usize) -> bool {
    order[..at].iter().filter(|what| *what == "device.enrolled").count() == 2
}

async fn race(replica: &Arc<Replica>, subject: &Subject, taken: Taken, used: Used) {
    let start = Barrier::new(2);
    let taking = async {
        start.wait().await;
        subject.take(replica, taken).await;
    };
    let using = async {
        start.wait().await;
        subject.make_use(replica, used).await;
    };
    tokio::join!(taking, using);
}

/// The events of a subject, in order.
async fn order(database: &TestDatabase, subject: &str) -> Vec<String> {
    let sql = format!("SELECT what FROM event WHERE subject = '{subject}' ORDER BY link, place");
    let rows = database.rows(&sql).await;
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

async fn a_guarded_call_may_use_up_evidence_of_the_device_that_it_ends(database: TestDatabase) {
    let replica = replica_with(&database, Policy::default()).await;
    replica.service.replace_rulebook(rulebook(&[("countersign.remove", "hotp for transaction")]));
    for (number, is_removed) in [(0, true), (1, false)] {
        let name = format!("subject {number}");
        let token = replica.active_in(&name, "token", None).await;
        let here = with_transaction(&session("here"), 1);
        replica.prove(&token, 0, &here).await;
        if is_removed {
            replica.delete_in(&token, Some(&here)).await.unwrap();
        } else {
            replica.suspend_in(&token, true, Some(&here)).await.unwrap();
        }
        assert_eq!(database.events("evidence.spent").await, number + 1);
    }
}
