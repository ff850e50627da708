//! What was given for a transaction serves it once.

use std::sync::Arc;

use countersign::auth::rpc;
use countersign::domain::context::Context;
use countersign::domain::decision::Decision;
use countersign::domain::ids::Subject;
use countersign::domain::secret::Secret;
use countersign::error::Error;
use countersign::service::{Attempt, Decisions, Once, Question, Reply, Revocation};
use tokio::task::JoinSet;

use super::{is_step_up, replica, replicas};
use crate::harness::asking::{attempt, question, session, with_transaction};
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::{Replica, request_id};
use crate::harness::rulebook;

on_every_database!(
    of_50_that_ask_at_once_one_is_satisfied,
    of_50_that_ask_at_once_under_one_request_id_all_get_one_answer,
    a_retry_gets_the_same_answer_and_another_request_does_not,
    a_look_uses_nothing_up,
    one_question_uses_evidence_once_for_all_its_requirements,
    a_plan_counts_without_what_the_same_question_uses_up,
    what_is_decided_as_it_is_proved_is_used_up_with_it,
    what_asks_for_no_transaction_spares_what_was_given_for_one,
    a_guarded_call_uses_up_what_opened_it,
    what_was_taken_back_serves_no_transaction,
);

/// What was answered: written down, or the words of a decision.
async fn asked_as(
    replica: &Replica,
    subject: &str,
    context: &Context,
    question: &Question,
    request: [u8; 16],
) -> Result<String, Error> {
    let once = Once {
        id: request_id(request),
        asked: Secret::new(format!("evaluate {subject} {context:?} {question:?}").into_bytes()),
        encode: Box::new(|decisions: &Decisions| Ok(Secret::new(in_words(decisions).into_bytes()))),
    };
    let subject = Subject::parse(subject).unwrap();
    let grant = replica.grant::<rpc::Evaluate>();
    Ok(match replica.service.evaluate(&grant, &subject, context, question, Some(once)).await? {
        Reply::Fresh(decisions, _) => in_words(&decisions),
        Reply::Again(written) => String::from_utf8(written.expose().to_vec()).unwrap(),
    })
}

fn in_words(decisions: &Decisions) -> String {
    let word = |decision: &Decision| match decision {
        Decision::Satisfied(satisfied) => format!("satisfied by {:?}", satisfied.evidence),
        _ => "not satisfied".to_owned(),
    };
    decisions.each.iter().map(|decided| word(&decided.decision)).collect::<Vec<_>>().join(", ")
}

/// How many are satisfied of 50 that ask at the same time.
async fn ask_50_times(replicas: &[Arc<Replica>], name: &str, context: &Context) -> usize {
    let mut under_way = JoinSet::new();
    for number in 0..50 {
        let (replica, name) = (replicas[number % replicas.len()].clone(), name.to_owned());
        let context = context.clone();
        under_way.spawn(async move { replica.holds(&name, &context, "approved").await });
    }
    under_way.join_all().await.into_iter().filter(|holds| *holds).count()
}

async fn of_50_that_ask_at_once_one_is_satisfied(database: TestDatabase) {
    let replicas = replicas(&database, 3).await;
    let mut spent = 0;
    for round in 0..10 {
        let name = format!("subject {round}");
        let token = replicas[0].active_in(&name, "token", None).await;
        let here = with_transaction(&session("here"), round);
        replicas[0].prove(&token, 0, &here).await;
        assert_eq!(ask_50_times(&replicas, &name, &here).await, 1, "in round {round}");
        assert_eq!(ask_50_times(&replicas, &name, &here).await, 0, "in round {round}");
        // The control: it is the mark that keeps it from being used again.
        database.execute(&format!("UPDATE evidence SET spent_at = NULL WHERE subject = '{name}'")).await;
        assert!(replicas[1].holds(&name, &here, "approved").await);
        spent += 2;
        assert_eq!(database.events("evidence.spent").await, spent);
    }
}

async fn of_50_that_ask_at_once_under_one_request_id_all_get_one_answer(database: TestDatabase) {
    let replicas = replicas(&database, 3).await;
    for round in 0..10 {
        let name = format!("subject {round}");
        let token = replicas[0].active_in(&name, "token", None).await;
        let here = with_transaction(&session("here"), 1);
        let evidence = replicas[0].prove(&token, 0, &here).await;
        let mut under_way = JoinSet::new();
        for number in 0..50 {
            let (replica, name, here) = (replicas[number % 3].clone(), name.clone(), here.clone());
            under_way.spawn(async move {
                asked_as(&replica, &name, &here, &question(&["approved"]), [round; 16]).await.unwrap()
            });
        }
        let expected = format!("satisfied by {:?}", [evidence.id]);
        for answer in under_way.join_all().await {
            assert_eq!(answer, expected, "in round {round}");
        }
        assert_eq!(database.events("evidence.spent").await, i64::from(round) + 1);
    }
}

async fn a_retry_gets_the_same_answer_and_another_request_does_not(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let here = with_transaction(&session("here"), 1);
    let approved = question(&["approved"]);
    let ask = async |id: u8| asked_as(&replica, "alice", &here, &approved, [id; 16]).await.unwrap();
    // What changed nothing is not kept: it is decided anew.
    assert_eq!(ask(1).await, "not satisfied");
    replica.prove(&token, 0, &here).await;
    let first = ask(1).await;
    assert!(first.starts_with("satisfied"));
    assert_eq!(ask(1).await, first);
    assert_eq!(ask(2).await, "not satisfied");
    assert_eq!(ask(1).await, first);
    replica.prove(&token, 1, &here).await;
    assert_eq!(ask(1).await, first);
    let second = ask(2).await;
    assert!(second.starts_with("satisfied") && second != first);
}

async fn a_look_uses_nothing_up(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let here = with_transaction(&session("here"), 1);
    replica.prove(&token, 0, &here).await;
    let events = database.count("event").await;
    let look = Question { explain: true, ..question(&["approved"]) };
    for _ in 0..3 {
        assert!(replica.asked("alice", &here, &look).await.unwrap().each[0].decision.is_satisfied());
        assert_eq!(replica.evidence("alice", Some(&here)).await.len(), 1);
    }
    assert_eq!(database.count("event").await, events);
    assert!(replica.holds("alice", &here, "approved").await);
    let decisions = replica.asked("alice", &here, &look).await.unwrap();
    assert!(!decisions.each[0].decision.is_satisfied());
    assert!(decisions.each[0].explanation.contains("it was used up"), "{}", decisions.each[0].explanation);
}

async fn one_question_uses_evidence_once_for_all_its_requirements(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let here = with_transaction(&session("here"), 1);
    replica.prove(&token, 0, &here).await;
    replica.password("alice", &here).await;
    let both = question(&["approved", "agreed", "approved"]);
    let decisions = replica.asked("alice", &here, &both).await.unwrap();
    assert!(decisions.each.iter().chain(decisions.joint.decided()).all(|one| one.decision.is_satisfied()));
    assert_eq!(database.events("evidence.spent").await, 2);
    assert_eq!(replica.evidence("alice", Some(&here)).await, []);
    // Half of it is used up by what is satisfied of it, and the other half is still missing.
    replica.password("alice", &here).await;
    let decisions = replica.asked("alice", &here, &both).await.unwrap();
    let satisfied: Vec<_> = decisions.each.iter().map(|one| one.decision.is_satisfied()).collect();
    assert_eq!(satisfied, [false, true, false]);
    assert_eq!(database.events("evidence.spent").await, 3);
}

async fn a_plan_counts_without_what_the_same_question_uses_up(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let here = with_transaction(&session("here"), 1);
    replica.password("alice", &here).await;
    // The password serves the first, and so is gone for the second and for both together.
    let both = question(&["agreed", "signed"]);
    let decisions = replica.asked("alice", &here, &both).await.unwrap();
    assert!(decisions.each[0].decision.is_satisfied());
    for decided in [&decisions.each[1], decisions.joint.decided().unwrap()] {
        assert_eq!(decided.decision.plans()[0].steps.len(), 2, "{decided:?}");
    }
    replica.password("alice", &here).await;
    replica.prove(&token, 0, &here).await;
    let decisions = replica.asked("alice", &here, &both).await.unwrap();
    assert!(decisions.each.iter().chain(decisions.joint.decided()).all(|one| one.decision.is_satisfied()));
    assert_eq!(database.events("evidence.spent").await, 3);
}

async fn what_is_decided_as_it_is_proved_is_used_up_with_it(database: TestDatabase) {
    let replicas = replicas(&database, 3).await;
    let token = replicas[0].active_in("alice", "token", None).await;
    let here = with_transaction(&session("here"), 1);
    for code in 0..6 {
        let attempt =
            Attempt { question: question(&["approved"]), ..attempt(&token, &token.codes[code], &here) };
        let mut under_way = JoinSet::new();
        for replica in replicas.clone() {
            let attempt = attempt.clone();
            under_way.spawn(async move { replica.attempted(&attempt).await.unwrap() });
        }
        let tried = under_way.join_all().await;
        let decided: Vec<_> = tried.into_iter().filter_map(|tried| tried.decisions).collect();
        assert_eq!(decided.len(), 1, "it was accepted once");
        assert!(decided[0].each[0].decision.is_satisfied());
        assert!(!replicas[0].holds("alice", &here, "approved").await);
        let used = code as i64 + 1;
        assert_eq!(database.count("evidence WHERE spent_at IS NOT NULL").await, used);
        assert_eq!(database.events("evidence.spent").await, used);
        replicas[0].unlock(&token).await;
    }
}

async fn what_asks_for_no_transaction_spares_what_was_given_for_one(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let here = with_transaction(&session("here"), 1);
    replica.prove(&token, 0, &here).await;
    replica.prove(&token, 1, &session("here")).await;
    for _ in 0..3 {
        assert!(replica.holds("alice", &here, "device").await);
    }
    assert_eq!(database.events("evidence.spent").await, 0);
    assert!(replica.holds("alice", &here, "approved").await);
    assert!(replica.holds("alice", &here, "device").await);
}

async fn a_guarded_call_uses_up_what_opened_it(database: TestDatabase) {
    let replica = replica(&database).await;
    let takes_both = [("countersign.enroll", "hotp for transaction or hotp within 10m")];
    replica.service.replace_rulebook(rulebook(&takes_both));
    let token = replica.hotp("alice").await;
    let here = with_transaction(&session("here"), 1);
    replica.prove(&token, 0, &here).await;
    replica.enroll_in("alice", "one", Some(&here)).await.unwrap();
    assert!(is_step_up(&replica.enroll_in("alice", "two", Some(&here)).await));
    assert_eq!(database.events("evidence.spent").await, 1);
    replica.prove(&token, 1, &session("here")).await;
    for name in ["two", "three"] {
        replica.enroll_in("alice", name, Some(&here)).await.unwrap();
    }
    assert_eq!(database.events("evidence.spent").await, 1);
}

async fn what_was_taken_back_serves_no_transaction(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let here = with_transaction(&session("here"), 1);
    let given = replica.prove(&token, 0, &here).await;
    assert_eq!(replica.revoke("alice", Revocation::One(given.id)).await, 1);
    assert!(!replica.holds("alice", &here, "approved").await);
    replica.prove(&token, 1, &here).await;
    assert!(replica.holds("alice", &here, "approved").await);
}
