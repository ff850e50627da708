//! The sidecar guards itself: a password alone adds, removes and replaces nothing for a subject that has a
//! device.

use std::sync::Arc;
use std::time::Duration;

use countersign::domain::context::{Context, Reach};
use countersign::domain::decision::{Decision, Step};
use countersign::domain::device::{Device, State};
use countersign::domain::policy::Policy;
use countersign::domain::proof::Verdict;
use countersign::domain::refusal::Refusal;
use countersign::domain::throttle::ThrottlePolicy;
use countersign::error::Error;
use futures_util::future::join_all;

use super::{is_step_up, replica, replica_with, replicas};
use crate::harness::asking::{session, with_token, with_transaction};
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::fixture::WRONG;
use crate::harness::replica::{Proving, Replica};

on_every_database!(
    a_session_that_has_proved_a_device_may_do_what_a_password_alone_may_not,
    what_was_proved_elsewhere_or_long_ago_opens_nothing,
    who_has_no_device_may_enroll_the_first,
    a_device_that_was_enrolled_while_there_was_none_is_one_more_when_it_is_confirmed,
    of_two_first_devices_at_once_the_second_has_to_step_up,
    of_many_lists_of_recovery_codes_at_once_one_is_the_first,
    who_locks_a_device_by_guessing_does_not_get_past_it,
    an_operator_needs_no_evidence,
);

/// What is guarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Enroll,
    Confirm,
    Delete,
    Suspend,
    Resume,
    Issue,
}

const DEEDS: [Deed; 6] =
    [Deed::Enroll, Deed::Confirm, Deed::Delete, Deed::Suspend, Deed::Resume, Deed::Issue];

/// A subject with devices in every state.
struct Subject {
    replica: Arc<Replica>,
    name: String,
    pending: Device,
    aside: Proving,
    token: Proving,
}

impl Subject {
    async fn new(replica: &Arc<Replica>, name: &str) -> Self {
        // While there was none: so nobody was asked for more.
        let pending = replica.enroll_in(name, "pending", Some(&session("at first"))).await.unwrap();
        let aside = replica.active_in(name, "aside", None).await;
        let token = replica.active_in(name, "token", None).await;
        replica.suspend_in(&aside, true, None).await.unwrap();
        Self { replica: replica.clone(), name: name.to_owned(), pending, aside, token }
    }

    async fn does(&self, deed: Deed, context: Option<&Context>) -> Result<(), Error> {
        let Self { replica, name, pending, aside, token } = self;
        match deed {
            Deed::Enroll => replica.enroll_in(name, "another", context).await.map(drop),
            Deed::Confirm => {
                let tried = replica.confirm_in(pending, context).await?;
                assert_eq!(tried.verdict, Verdict::Accepted);
                Ok(())
            }
            Deed::Delete => replica.delete_in(token, context).await,
            Deed::Suspend => replica.suspend_in(token, true, context).await.map(drop),
            Deed::Resume => replica.suspend_in(aside, false, context).await.map(drop),
            Deed::Issue => replica.issue_in(name, context).await.map(drop),
        }
    }
}

async fn a_session_that_has_proved_a_device_may_do_what_a_password_alone_may_not(database: TestDatabase) {
    let replica = replica(&database).await;
    for deed in DEEDS {
        let subject = Subject::new(&replica, &format!("{deed:?}")).await;
        let here = session("here");
        replica.password(&subject.name, &here).await;
        let (before, events) = (subject.rows(&database).await, database.count("event").await);
        let refused = subject.does(deed, Some(&here)).await;
        let Err(Error::Refused(Refusal::StepUpRequired(decided))) = refused else { panic!("{deed:?}") };
        // What would open it: the device that can be proved.
        let Decision::StepUp { plans } = &decided.decision else { panic!("{deed:?} {decided:?}") };
        let [Step::Device { devices, .. }] = plans[0].steps.as_slice() else { panic!("{deed:?}") };
        assert_eq!((plans.len(), devices.as_slice()), (1, &[subject.token.device.clone()][..]));
        assert!(decided.requirement.starts_with("countersign."), "{decided:?}");
        assert_eq!((subject.rows(&database).await, database.count("event").await), (before, events));

        replica.prove(&subject.token, 0, &here).await;
        subject.does(deed, Some(&here)).await.unwrap_or_else(|e| panic!("{deed:?} {e:?}"));
    }
}

async fn what_was_proved_elsewhere_or_long_ago_opens_nothing(database: TestDatabase) {
    const TEN_MINUTES: Duration = Duration::from_secs(600);
    const MICROSECOND: Duration = Duration::from_micros(1);
    let replica = replica(&database).await;
    for deed in DEEDS {
        let subject = Subject::new(&replica, &format!("{deed:?}")).await;
        let somebody = Subject::new(&replica, &format!("somebody who would {deed:?}")).await;
        let browser = replica.remember(&subject.name, None).await.token;
        let here = with_transaction(&with_token(&session("here"), &browser), 1);
        replica.prove(&subject.token, 0, &session("elsewhere")).await;
        replica.prove(&subject.token, 1, &with_transaction(&session("here"), 2)).await;
        replica.prove(&somebody.token, 0, &here).await;
        replica.password_as(&subject.name, &here, Reach::Client).await;
        for context in [&here, &session("here"), &Context::default()] {
            assert!(is_step_up(&subject.does(deed, Some(context)).await), "{deed:?} {context:?}");
        }
        replica.prove(&subject.token, 2, &session("here")).await;
        replica.clock.advance(TEN_MINUTES);
        assert!(is_step_up(&subject.does(deed, Some(&here)).await), "{deed:?} ten minutes later");
        replica.prove(&subject.token, 3, &session("here")).await;
        replica.clock.advance(TEN_MINUTES - MICROSECOND);
        let done = subject.does(deed, Some(&here)).await;
        // It waited for its proof for too long, and is gone.
        let is_late = matches!(done, Err(Error::Refused(Refusal::DeviceNotFound)));
        assert!(done.is_ok() || (deed == Deed::Confirm && is_late), "{deed:?} {done:?}");
    }
}

async fn who_has_no_device_may_enroll_the_first(database: TestDatabase) {
    let replica = replica(&database).await;
    let here = session("here");
    replica.password("alice", &here).await;
    let token = replica.active_in("alice", "token", Some(&here)).await;
    // The code that confirmed it is evidence: here one may go on, and elsewhere not.
    assert!(replica.holds("alice", &here, "login").await);
    assert!(is_step_up(&replica.enroll_in("alice", "more", Some(&session("elsewhere"))).await));
    replica.enroll_in("alice", "more", Some(&here)).await.unwrap();
    replica.delete_in(&token, Some(&here)).await.unwrap();
    replica.enroll_in("alice", "first again", Some(&session("elsewhere"))).await.unwrap();
    let list = replica.issue_in("bob", Some(&here)).await.unwrap();
    // The first set-up goes on for a quarter of an hour.
    replica.clock.advance(Duration::from_secs(15 * 60));
    assert!(is_step_up(&replica.issue_in("bob", Some(&here)).await), "codes that were shown are not proved");
    replica.prove(&list, 0, &here).await;
    replica.issue_in("bob", Some(&here)).await.unwrap();
}

async fn a_device_that_was_enrolled_while_there_was_none_is_one_more_when_it_is_confirmed(
    database: TestDatabase,
) {
    let replica = replica(&database).await;
    let thief = session("of a thief");
    replica.password("alice", &thief).await;
    let theirs = replica.enroll_in("alice", "theirs", Some(&thief)).await.unwrap();
    let hers = replica.active_in("alice", "hers", Some(&session("hers"))).await;
    assert!(is_step_up(&replica.confirm_in(&theirs, Some(&thief)).await));
    let theirs = Proving { subject: theirs.subject, device: theirs.id, codes: Vec::new() };
    assert_eq!(replica.device(&theirs).await.state, State::Pending);
    assert_eq!(replica.device(&hers).await.state, State::Active);
}

async fn of_two_first_devices_at_once_the_second_has_to_step_up(database: TestDatabase) {
    let replicas = replicas(&database, 3).await;
    for round in 0..10 {
        let name = format!("subject {round}");
        let mut pending = Vec::new();
        for (number, replica) in replicas.iter().enumerate() {
            let context = session(&format!("session {number}"));
            replica.password(&name, &context).await;
            let device = replica.enroll_in(&name, &format!("token {number}"), Some(&context)).await.unwrap();
            pending.push((replica, device, context));
        }
        let confirm =
            pending.iter().map(|(replica, device, context)| replica.confirm_in(device, Some(context)));
        let answers = join_all(confirm).await;
        let accepted = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!((accepted, answers.iter().filter(|a| is_step_up(a)).count()), (1, 2), "{answers:?}");
        let active = format!("device WHERE subject = '{name}' AND state = 'active'");
        assert_eq!(database.count(&active).await, 1);
    }
}

async fn of_many_lists_of_recovery_codes_at_once_one_is_the_first(database: TestDatabase) {
    let replicas = replicas(&database, 3).await;
    for round in 0..10 {
        let name = format!("subject {round}");
        let contexts = ["one", "two", "three"].map(session);
        let calls = replicas.iter().zip(&contexts);
        let answers = join_all(calls.map(|(replica, there)| replica.issue_in(&name, Some(there)))).await;
        let (issued, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.is_ok());
        assert!(issued.len() == 1 && refused.iter().all(|answer| is_step_up(answer)), "{answers:?}");
    }
}

async fn who_locks_a_device_by_guessing_does_not_get_past_it(database: TestDatabase) {
    let throttle = ThrottlePolicy { factor: Duration::ZERO, lock_after: 3, ..Default::default() };
    let replica = replica_with(&database, Policy { throttle, ..Policy::default() }).await;
    let thief = session("of a thief");
    for deed in DEEDS {
        let subject = Subject::new(&replica, &format!("{deed:?}")).await;
        replica.password(&subject.name, &thief).await;
        for _ in 0..3 {
            replica.offer(&subject.token, WRONG).await.unwrap();
        }
        assert_eq!(replica.device(&subject.token).await.state, State::Locked);
        let refused = subject.does(deed, Some(&thief)).await;
        let Err(Error::Refused(Refusal::StepUpRequired(decided))) = refused else {
            panic!("{deed:?}: the password was enough: {refused:?}");
        };
        assert!(matches!(decided.decision, Decision::Unavailable { .. }), "{decided:?}");
        // Unlocked, it opens what it opened before.
        replica.unlock(&subject.token).await;
        replica.prove(&subject.token, 0, &thief).await;
        subject.does(deed, Some(&thief)).await.unwrap();
    }
}

async fn an_operator_needs_no_evidence(database: TestDatabase) {
    let replica = replica(&database).await;
    for deed in DEEDS {
        let subject = Subject::new(&replica, &format!("{deed:?}")).await;
        subject.does(deed, None).await.unwrap_or_else(|e| panic!("{deed:?} {e:?}"));
    }
}

impl Subject {
    /// What the database holds of the subject's devices, but for what verifications change.
    async fn rows(&self, database: &TestDatabase) -> Vec<(String, String)> {
        let sql = format!("SELECT name, state FROM device WHERE subject = '{}' ORDER BY name", self.name);
        let text = |row: &sea_orm::QueryResult, column| row.try_get_by_index::<String>(column).unwrap();
        database.rows(&sql).await.iter().map(|row| (text(row, 0), text(row, 1))).collect()
    }
}
