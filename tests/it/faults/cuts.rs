//! A connection that is lost at any packet of a verification.

use countersign::domain::policy::Policies;
use countersign::domain::proof::{Reject, Verdict};
use countersign::error::{Error, Origin};

use super::{hotp_code, through};
use crate::harness::databases::{Engine, on, on_private_servers};
use crate::harness::eventually;
use crate::harness::line::{Cut, Proxy};
use crate::harness::replica::{Answer, Replica, clock};

on_private_servers!(
    a_connection_that_is_cut_anywhere_uses_a_code_up_once,
    what_became_of_a_commit_is_not_guessed,
);

/// Whatever packet is lost, or its answer: the code is accepted or the database is said not to answer, the
/// same request hears that it was accepted, and the code is used up once. A code that names its device goes the
/// short way, and one that does not the long one.
async fn a_connection_that_is_cut_anywhere_uses_a_code_up_once(engine: Engine) {
    on(engine, async |database| {
        let proxy = Proxy::before(database.port()).await;
        let replica = Replica::start(&through(&database, &proxy), &clock(), Policies::default()).await;
        let proving = replica.hotp("alice").await;
        let mut counter = 1;
        let mut request = 0;
        let (mut in_doubt, mut failed) = (0, 0);
        let device = || Some(proving.device.clone());
        let ways = [(Cut::Before, device()), (Cut::After, device()), (Cut::Before, None), (Cut::After, None)];
        for (how, device) in ways {
            for nth in 0.. {
                let code = hotp_code(counter);
                counter += 1;
                request += 1;
                let id = Some([request; 16]);
                proxy.cut(nth, how);
                let tried = replica.offer_to(device.clone(), &proving, &code, id).await;
                let was_cut = proxy.mend();
                match tried {
                    Ok(Answer::Fresh(Verdict::Accepted) | Answer::Again(true)) => {}
                    Err(Error::Fault(fault)) => {
                        match fault.origin {
                            Origin::Doubt => in_doubt += 1,
                            Origin::Store => failed += 1,
                            origin => panic!("{how:?} {nth}: {origin:?}: {fault}"),
                        }
                        let mut again = None;
                        eventually("the same request is answered", async || {
                            again = replica.offer_to(device.clone(), &proving, &code, id).await.ok();
                            again.is_some()
                        })
                        .await;
                        let was_accepted =
                            matches!(again, Some(Answer::Fresh(Verdict::Accepted) | Answer::Again(true)));
                        assert!(was_accepted, "{how:?} {nth}: {again:?}");
                    }
                    other => panic!("{how:?} {nth}: {other:?}"),
                }
                let replay = replica.offer(&proving, &code).await.unwrap();
                assert!(matches!(replay, Verdict::Rejected { reason: Reject::Replayed, .. }), "{replay:?}");
                replica.clock.advance(std::time::Duration::from_secs(3600));
                if !was_cut {
                    let is_one_statement = engine == Engine::Postgres && device.is_some();
                    let least = if is_one_statement { 1 } else { 4 };
                    assert!(nth >= least, "a verification is more than {nth} packets");
                    break;
                }
            }
        }
        // One event for each code, the confirming one included.
        assert_eq!(database.events("proof.accepted").await, i64::try_from(counter).unwrap());
        // The commit's own answer was lost once, and a lost connection before it is made good for.
        assert!(in_doubt >= 1, "no cut met a commit");
        assert_eq!(failed, 0, "a request gave up though it had time");
        replica.stop().await;
    })
    .await;
}

/// Without a request id nobody can say what became of it: it is not judged again behind the caller's back,
/// which would call the code a replay.
async fn what_became_of_a_commit_is_not_guessed(engine: Engine) {
    on(engine, async |database| {
        let proxy = Proxy::before(database.port()).await;
        let replica = Replica::start(&through(&database, &proxy), &clock(), Policies::default()).await;
        let proving = replica.hotp("alice").await;
        let mut doubts = 0;
        // Which packet is the commit's depends on which connections are there, so all are tried until some
        // were.
        for nth in 0..400 {
            if doubts == 2 {
                break;
            }
            assert_eq!(replica.offer(&proving, &hotp_code(1 + 2 * nth)).await.unwrap(), Verdict::Accepted);
            let code = hotp_code(2 + 2 * nth);
            proxy.cut(usize::try_from(nth % 10).unwrap(), Cut::After);
            let tried = replica.offer(&proving, &code).await;
            proxy.mend();
            match tried {
                Ok(Verdict::Accepted) => {}
                Err(Error::Fault(fault)) if fault.origin == Origin::Doubt => {
                    doubts += 1;
                    let mut replay = None;
                    eventually("the database answers", async || {
                        replay = replica.offer(&proving, &code).await.ok();
                        replay.is_some()
                    })
                    .await;
                    // Its answer was cut off, so it had committed.
                    let is_replay =
                        matches!(replay, Some(Verdict::Rejected { reason: Reject::Replayed, .. }));
                    assert!(is_replay, "{nth}: {replay:?}");
                    replica.clock.advance(std::time::Duration::from_secs(3600));
                }
                other => panic!("{nth}: {other:?}"),
            }
        }
        assert_eq!(doubts, 2, "no cut met a commit");
        replica.stop().await;
    })
    .await;
}
