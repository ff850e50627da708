//! What is decided as it is proved, and what a verification leaves behind.

use std::collections::HashSet;

use countersign::auth::rpc;
use countersign::domain::context::Reach;
use countersign::domain::evidence::Scope;
use countersign::domain::ids::{DeviceId, Subject};
use countersign::domain::proof::Verdict;
use countersign::domain::refusal::Refusal;
use countersign::error::Error;
use countersign::service::{Attempt, Question, Testimony, Tried};
use tokio::task::JoinSet;

use super::{replica, replicas};
use crate::harness::asking::{attempt, fresh, question, session, with_token, with_transaction};
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::fixture::WRONG;

on_every_database!(
    a_proof_is_decided_with_at_once,
    a_question_that_cannot_be_answered_costs_no_code,
    what_is_not_accepted_is_evidence_of_nothing,
    evidence_reaches_as_far_as_it_was_given_for,
    what_an_issuer_says_is_kept_whole,
    each_acceptance_is_one_piece_of_evidence_over_three_replicas,
);

async fn a_proof_is_decided_with_at_once(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let here = session("here");
    let asks = |code: usize, requirements: &[&str]| Attempt {
        question: question(requirements),
        ..attempt(&token, &token.codes[code], &here)
    };
    let Tried { verdict, decisions, .. } = replica.attempted(&asks(0, &["login"])).await.unwrap();
    let decisions = decisions.unwrap();
    assert_eq!((verdict, decisions.each.len()), (Verdict::Accepted, 1));
    assert_eq!(decisions.each[0].decision.plans()[0].steps.len(), 1, "the password is missing");
    assert!(decisions.joint.decided().is_none());
    replica.password("alice", &here).await;
    let tried = replica.attempted(&asks(1, &["login", "soon"])).await.unwrap();
    let (decisions, evidence) = (tried.decisions.unwrap(), tried.evidence.unwrap());
    assert!(decisions.each.iter().chain(decisions.joint.decided()).all(|one| one.decision.is_satisfied()));
    let told = decisions.each.clone();
    let asked = replica.asked("alice", &here, &question(&["login", "soon"])).await.unwrap();
    assert_eq!(told, asked.each, "as if it were asked after it");
    assert!(replica.evidence("alice", Some(&here)).await.contains(&evidence));
    // Without the name of a device, too.
    let any = Attempt { device: None, ..asks(2, &["soon"]) };
    assert!(replica.attempted(&any).await.unwrap().decisions.unwrap().each[0].decision.is_satisfied());
}

async fn a_question_that_cannot_be_answered_costs_no_code(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let here = session("here");
    let rows = async || (database.count("event").await, database.count("evidence").await);
    let before = rows().await;
    for device in [Some(token.device.clone()), None] {
        let unknown = Attempt {
            device,
            question: question(&["login", "logim"]),
            ..attempt(&token, &token.codes[0], &here)
        };
        let refused = replica.attempted(&unknown).await.unwrap_err();
        let Error::Refused(Refusal::RequirementNotFound { requirement }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(requirement, "logim");
    }
    assert_eq!(rows().await, before);
    replica.prove(&token, 0, &here).await;
}

async fn what_is_not_accepted_is_evidence_of_nothing(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let here = session("here");
    let before = database.count("evidence").await;
    let confirming = crate::harness::hotp(crate::harness::replica::SECRET, 0);
    for code in [WRONG, "not a code", confirming.as_str()] {
        for device in [Some(token.device.clone()), None] {
            let attempt =
                Attempt { device, question: question(&["anything"]), ..attempt(&token, code, &here) };
            let Tried { verdict, evidence, decisions, .. } = replica.attempted(&attempt).await.unwrap();
            assert_ne!(verdict, Verdict::Accepted, "{code}");
            assert!(evidence.is_none() && decisions.is_none(), "{code}");
            replica.unlock(&token).await;
        }
    }
    let nobody = Attempt { device: Some(DeviceId::trusted("nobody's")), ..attempt(&token, WRONG, &here) };
    assert!(matches!(replica.attempted(&nobody).await, Err(Error::Refused(Refusal::DeviceNotFound))));
    assert_eq!(database.count("evidence").await, before);
    assert!(!replica.holds("alice", &here, "anything").await);
}

async fn evidence_reaches_as_far_as_it_was_given_for(database: TestDatabase) {
    let replica = replica(&database).await;
    let browser = replica.remember("alice", None).await;
    let token = replica.hotp("alice").await;
    let one = session("one");
    let all = with_transaction(&with_token(&one, &browser.token), 1);
    let digest = all.transaction.unwrap();
    for (code, (context, reach, scope)) in [
        (&one, Reach::Usual, Scope::Session),
        (&all, Reach::Usual, Scope::Transaction(digest)),
        (&all, Reach::Session, Scope::Session),
        (&all, Reach::Client, Scope::Client),
        (&all, Reach::Transaction, Scope::Transaction(digest)),
    ]
    .into_iter()
    .enumerate()
    {
        let given = replica.prove_as(&token, code, context, reach).await;
        assert_eq!(given.scope, scope, "{reach:?}");
        assert_eq!(given.binding.session, one.session);
        let recorded = replica.password_as("alice", context, reach).await;
        assert_eq!((recorded.scope, recorded.binding), (given.scope, given.binding));
        assert_eq!(recorded.expires_at, given.expires_at);
    }
}

async fn what_an_issuer_says_is_kept_whole(database: TestDatabase) {
    let replica = replica(&database).await;
    let here = session(&"é".repeat(127));
    // As much as the API takes, and what JSON writes longest.
    for letter in ["x", "\\", "\""] {
        let testimony = Testimony {
            subject: Subject::trusted("alice"),
            context: here.clone(),
            method: "password".to_owned(),
            at: None,
            source: Some("é".repeat(127).into()),
            amr: vec![letter.repeat(32); 16],
            reach: Reach::Usual,
        };
        let grant = replica.grant::<rpc::RecordEvidence>();
        let recorded = fresh(replica.service.record_evidence(&grant, &testimony, None).await.unwrap());
        assert_eq!(recorded.strength.amr, testimony.amr);
        assert!(replica.evidence("alice", Some(&here)).await.contains(&recorded), "{letter}");
    }
}

async fn each_acceptance_is_one_piece_of_evidence_over_three_replicas(database: TestDatabase) {
    let replicas = replicas(&database, 3).await;
    let here = session("here");
    let mut told = HashSet::new();
    for round in 0..6 {
        let name = format!("subject {}", round % 3);
        let pending = replicas[0].enroll_in(&name, &format!("token {round}"), None).await.unwrap();
        let mut confirming = JoinSet::new();
        for replica in replicas.clone() {
            let (pending, here) = (pending.clone(), here.clone());
            // The one who confirms first leaves nothing to confirm.
            confirming.spawn(async move { replica.confirm_in(&pending, Some(&here)).await });
        }
        let confirmed = confirming.join_all().await.into_iter().filter_map(Result::ok);
        let confirmed: Vec<_> = confirmed.filter_map(|tried| tried.evidence).collect();
        assert_eq!(confirmed.len(), 1);
        told.insert(confirmed[0].id.clone());
        let proving = crate::harness::replica::Proving::of(&pending);
        let mut under_way = JoinSet::new();
        for number in 0..30 {
            let device = (number % 2 == 0).then(|| proving.device.clone());
            let attempt = Attempt {
                device,
                // On the long way, and on the short one.
                question: if number % 3 == 0 { question(&["device"]) } else { Question::default() },
                ..attempt(&proving, &proving.codes[number % 5], &here)
            };
            let replica = replicas[number % 3].clone();
            under_way.spawn(async move { replica.attempted(&attempt).await });
        }
        for tried in under_way.join_all().await {
            match tried {
                Ok(Tried { verdict, evidence, .. }) => {
                    assert_eq!(verdict == Verdict::Accepted, evidence.is_some());
                    told.extend(evidence.map(|evidence| evidence.id));
                }
                Err(Error::Refused(Refusal::Stale)) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        let count = told.len() as i64;
        assert_eq!(database.events("proof.accepted").await, count, "in round {round}");
        assert_eq!(database.count("evidence").await, count, "in round {round}");
    }
    assert!(told.len() > 12, "{}", told.len());
}
