//! Who rides along on what somebody else proved, or on what was proved elsewhere, has proved nothing.

use std::sync::Arc;

use countersign::auth::Role;
use countersign::domain::context::{Context, Reach};
use countersign::domain::decision::Decision;
use countersign::domain::policy::Policies;

use super::{REQUIREMENTS, replica};
use crate::harness::asking::{session, with_token, with_transaction};
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::Replica;
use crate::harness::{caller, rulebook};

on_every_database!(
    evidence_of_another_session_counts_for_nothing,
    what_was_proved_in_no_session_counts_in_none,
    evidence_of_another_client_counts_for_nothing,
    evidence_of_another_transaction_counts_for_nothing,
    evidence_of_another_subject_counts_for_nothing,
    evidence_of_another_tenant_counts_for_nothing,
    a_recovery_code_does_not_count_where_none_may,
    a_list_shows_what_counts_and_nothing_else,
);

async fn evidence_of_another_session_counts_for_nothing(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let (here, browser) = (session("one"), replica.remember("alice", None).await.token);
    replica.prove(&token, 0, &here).await;
    replica.password("alice", &here).await;
    // Names that a database's collation may take for the same.
    for name in ["two", "One", "ONE", "one ", " one", "öne", "one\u{200b}", "%", "o%", "_ne"] {
        let there = session(name);
        for elsewhere in [&there, &with_token(&there, &browser), &with_transaction(&there, 1)] {
            for requirement in ["anything", "device", "knows", "login"] {
                assert!(!replica.holds("alice", elsewhere, requirement).await, "{name:?} {requirement}");
            }
        }
    }
    assert!(!replica.holds("alice", &Context::default(), "anything").await, "in no session");
    for at_home in [&here, &with_token(&here, &browser), &with_transaction(&here, 1)] {
        assert!(replica.holds("alice", at_home, "login").await);
    }
}

async fn what_was_proved_in_no_session_counts_in_none(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    for (code, nowhere) in [Context::default(), session("")].iter().enumerate() {
        replica.prove(&token, code, nowhere).await;
    }
    for context in [Context::default(), session(""), session("one")] {
        assert!(!replica.holds("alice", &context, "anything").await, "{context:?}");
    }
    replica.password("alice", &session("one")).await;
    assert!(replica.holds("alice", &session("one"), "anything").await);
}

async fn evidence_of_another_client_counts_for_nothing(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let mine = replica.remember("alice", None).await;
    let other = replica.remember("alice", None).await;
    replica.prove_as(&token, 0, &with_token(&session("one"), &mine.token), Reach::Client).await;
    // In the session in which it was given, too: it reaches as far as the client, and the client is not there.
    for elsewhere in [session("one"), session("two"), with_token(&session("one"), &other.token)] {
        assert!(!replica.holds("alice", &elsewhere, "device").await, "{elsewhere:?}");
    }
    for at_home in [session("one"), session("two"), Context::default()] {
        assert!(replica.holds("alice", &with_token(&at_home, &mine.token), "device").await, "{at_home:?}");
    }
}

async fn evidence_of_another_transaction_counts_for_nothing(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let here = with_transaction(&session("one"), 1);
    replica.prove(&token, 0, &here).await;
    for elsewhere in [
        with_transaction(&session("one"), 2),
        // The same, as a thief asks for it in a session of their own.
        with_transaction(&session("two"), 1),
        with_transaction(&Context::default(), 1),
        session("one"),
    ] {
        for requirement in ["approved", "device", "anything"] {
            assert!(!replica.holds("alice", &elsewhere, requirement).await, "{elsewhere:?} {requirement}");
        }
    }
    assert!(replica.holds("alice", &here, "approved").await);
    // What was given for a session is for no transaction.
    replica.prove(&token, 1, &session("one")).await;
    assert!(!replica.holds("alice", &here, "approved").await);
    assert!(replica.holds("alice", &here, "device").await);
}

async fn evidence_of_another_subject_counts_for_nothing(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let here = session("one");
    replica.prove(&token, 0, &here).await;
    replica.password("alice", &here).await;
    for somebody in ["bob", "Alice", "alice ", "álice"] {
        assert!(!replica.holds(somebody, &here, "anything").await, "{somebody:?}");
        assert_eq!(replica.evidence(somebody, None).await, []);
    }
    assert!(replica.holds("alice", &here, "login").await);
}

async fn evidence_of_another_tenant_counts_for_nothing(database: TestDatabase) {
    let replica = replica(&database).await;
    let service = Replica::start(&database, &replica.clock, Policies::default()).await;
    service.service.replace_rulebook(rulebook(REQUIREMENTS));
    let other = Arc::into_inner(service).unwrap();
    let other = Replica { caller: Arc::new(caller("app", "other", &Role::ALL)), ..other };
    let token = replica.hotp("alice").await;
    let remembered = replica.remember("alice", None).await;
    let here = with_token(&session("one"), &remembered.token);
    replica.prove_as(&token, 0, &here, Reach::Client).await;
    replica.password("alice", &here).await;
    assert!(!other.holds("alice", &here, "anything").await);
    assert_eq!((other.evidence("alice", None).await, other.clients("alice").await), (vec![], vec![]));
    assert!(replica.holds("alice", &here, "login").await);
    // To be signed out everywhere is to be signed out of one tenant.
    other.password("alice", &here).await;
    other.revoke("alice", countersign::service::Revocation::Everything).await;
    assert!(replica.holds("alice", &here, "login").await);
    assert!(!other.holds("alice", &here, "anything").await);
}

async fn a_recovery_code_does_not_count_where_none_may(database: TestDatabase) {
    let replica = replica(&database).await;
    let list = replica.recovery_codes("alice").await;
    let here = session("one");
    replica.prove(&list, 0, &here).await;
    assert!(replica.holds("alice", &here, "device").await);
    // There is no other device, and another recovery code would be as much in vain.
    let decision = replica.decision("alice", &here, "strong").await;
    assert!(matches!(decision, Decision::EnrollmentRequired { .. }), "{decision:?}");
    let token = replica.active_in("alice", "token", None).await;
    assert!(!replica.holds("alice", &here, "strong").await);
    replica.prove(&token, 0, &here).await;
    assert!(replica.holds("alice", &here, "strong").await);
}

async fn a_list_shows_what_counts_and_nothing_else(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let confirmed = replica.evidence("alice", None).await;
    assert_eq!(confirmed, [], "an operator confirmed it nowhere");
    let one = replica.prove(&token, 0, &session("one")).await;
    let two = replica.password("alice", &session("two")).await;
    let for_one = with_transaction(&session("one"), 1);
    let paid = replica.password("alice", &for_one).await;
    let listed = async |context: Option<&Context>| {
        let mut ids: Vec<_> = replica.evidence("alice", context).await.into_iter().map(|e| e.id).collect();
        ids.sort();
        ids
    };
    let ids = |evidence: &[&countersign::domain::evidence::Evidence]| {
        let mut ids: Vec<_> = evidence.iter().map(|evidence| evidence.id.clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(listed(None).await, ids(&[&one, &two, &paid]));
    assert_eq!(listed(Some(&session("one"))).await, ids(&[&one]));
    assert_eq!(listed(Some(&session("two"))).await, ids(&[&two]));
    assert_eq!(listed(Some(&for_one)).await, ids(&[&one, &paid]));
    assert_eq!(listed(Some(&with_transaction(&session("two"), 1))).await, ids(&[&two]));
    assert_eq!(listed(Some(&Context::default())).await, ids(&[]));
    assert!(replica.holds("alice", &for_one, "agreed").await);
    assert_eq!(listed(None).await, ids(&[&one, &two]), "what is used up counts no more");
}
