//! Turns: proofs of a subject are judged one at a time, and only with a place in the queue for the commit. Callers take
//! turns.
//!
//! The tests count how often a right code is judged: its evidence draws an id from the entropy each time. The control is
//! [`a_commit_without_a_turn`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::auth::rpc;
use countersign::domain::context::Context;
use countersign::domain::ids::CallerName;
use countersign::domain::policy::Policies;
use countersign::domain::proof::Verdict;
use countersign::domain::refusal::Refusal;
use countersign::env::{Entropy, SystemEntropy};
use countersign::error::Error;
use countersign::service::{Attempt, Reply, Service, Tried};
use countersign::store::{Outcome, Purpose, Turn};
use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::fixtures::{failed, progress, stored, subject, tenant};
use super::gate::Gate;
use crate::harness::asking::attempt;
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::{Proving, Replica, clock};
use crate::harness::rulebook;

on_every_database!(
    of_a_crowd_with_the_right_code_one_is_judged,
    a_commit_without_a_turn,
    nothing_is_judged_by_a_server_that_goes_away,
    a_caller_with_many_requests_of_a_subject_lets_others_have_their_turns,
);

/// Entropy that counts how often it is asked.
#[derive(Default)]
struct Counting(AtomicUsize);

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) {
        self.0.fetch_add(1, Ordering::SeqCst);
        SystemEntropy.fill(out);
    }
}

/// A replica that counts the proofs that it judges as right, and a token of a subject.
pub(super) struct Counted {
    pub(super) replica: Arc<Replica>,
    entropy: Arc<Counting>,
    token: Proving,
}

impl Counted {
    pub(super) async fn on(database: &TestDatabase) -> Self {
        Self::of(database, "alice").await
    }

    /// With a token of that subject.
    pub(super) async fn of(database: &TestDatabase, subject: &str) -> Self {
        let entropy = Arc::new(Counting::default());
        let clock = clock();
        let store = database.open().await;
        let service = Service::new(store, clock.clone(), entropy.clone(), Policies::default(), rulebook(&[]));
        let caller = Arc::new(crate::harness::caller("app", "default", &countersign::auth::Role::ALL));
        let replica = Arc::new(Replica { service, clock, caller });
        let token = replica.hotp(subject).await;
        Self { replica, entropy, token }
    }

    pub(super) fn judged(&self) -> usize {
        self.entropy.0.load(Ordering::SeqCst)
    }

    pub(super) fn right(&self) -> Attempt {
        attempt(&self.token, &self.token.codes[0], &Context::default())
    }

    pub(super) async fn verify(&self, attempt: &Attempt) -> Result<Verdict, Error> {
        match self.replica.service.verify(&self.replica.grant::<rpc::Verify>(), attempt, None).await? {
            Reply::Fresh(Tried { verdict, .. }, _) => Ok(verdict),
            Reply::Again(_) => unreachable!("there was no request id"),
        }
    }
}

async fn of_a_crowd_with_the_right_code_one_is_judged(database: TestDatabase) {
    let counted = Counted::on(&database).await;
    let (right, before) = (counted.right(), counted.judged());
    let gate = Gate::shut(&database).await;
    let mut crowd: Vec<_> = (0..50).map(|_| Box::pin(counted.verify(&right))).collect();
    for one in &mut crowd {
        // After one poll, a request waits for its turn or for its commit.
        assert!(one.now_or_never().is_none());
    }
    assert_eq!(counted.judged() - before, 1, "before the first is written");
    // Ten of the waiting callers go away.
    crowd.truncate(40);
    gate.open().await;
    let verdicts = join_all(crowd).await;
    let accepted = verdicts.into_iter().filter(|verdict| matches!(verdict, Ok(Verdict::Accepted))).count();
    assert_eq!((accepted, counted.judged() - before), (1, 1));
    // One for the confirmation, and one for the crowd.
    assert_eq!(database.events("proof.accepted").await, 2);
}

/// The control: without turns, every one of several commits is made from the same version.
async fn a_commit_without_a_turn(database: TestDatabase) {
    let store = database.open().await;
    let device = stored(&store, "alice", "phone").await;
    let made: Vec<_> = (0..50).map(|_| progress(&failed(&device))).collect();
    let outcomes = super::gate::write_together(&database, &store, made).await;
    let stale = outcomes.into_iter().filter(|outcome| matches!(outcome, Ok(Outcome::Stale))).count();
    assert_eq!(stale, 49);
}

async fn nothing_is_judged_by_a_server_that_goes_away(database: TestDatabase) {
    let counted = Counted::on(&database).await;
    let before = counted.judged();
    counted.replica.stop().await;
    let refused = counted.verify(&counted.right()).await;
    assert!(matches!(refused, Err(Error::Refused(Refusal::Draining))), "{refused:?}");
    assert_eq!(counted.judged(), before);
}

async fn a_caller_with_many_requests_of_a_subject_lets_others_have_their_turns(database: TestDatabase) {
    let store = database.open().await;
    let (tenant, alice) = (&tenant(), &subject("alice"));
    let callers = ["greedy", "app", "other"].map(CallerName::trusted);
    let [greedy, app, other] = &callers;
    // After one poll, a request waits in line.
    let wait = |caller| {
        let mut turn = Box::pin(store.turn(tenant, caller, alice, Purpose::Change));
        assert!((&mut turn).now_or_never().is_none());
        turn
    };
    let now = |turn: &mut (dyn Future<Output = Result<Turn, Error>> + Unpin)| {
        turn.now_or_never().map(Result::unwrap)
    };
    let first = store.turn(tenant, greedy, alice, Purpose::Change).await.unwrap();
    assert!(store.try_turn(tenant, app, alice, Purpose::Judgement).is_none(), "two turns at a time");
    let mut crowd: Vec<_> = (0..50).map(|_| wait(greedy)).collect();
    let mut others = [wait(app), wait(app), wait(other)];
    drop(first);
    assert!(now(&mut crowd[0]).is_none(), "a caller has two turns one after the other, and others wait");
    let of_app = now(&mut others[0]).expect("the turn of another caller");
    drop(of_app);
    let of_other = now(&mut others[2]).expect("the turn of a third caller");
    assert!(now(&mut others[1]).is_none());
    drop(of_other);
    // One of the crowd has come next by now, and then the second request of the other caller comes.
    let of_greedy = now(&mut crowd[0]).expect("the turn of the crowd");
    assert!(now(&mut others[1]).is_none());
    drop(of_greedy);
    assert!(now(&mut others[1]).is_some());
    assert!(now(&mut crowd[1]).is_some());
}
