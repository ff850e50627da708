//! A database that is gone for a while: whoever asks is told so in time, nothing is accepted that is not on
//! disk, and when it is back everything works again by itself.

use std::sync::Arc;
use std::time::Duration;

use countersign::domain::device::Device;
use countersign::domain::policy::Policies;
use countersign::domain::proof::{Reject, Verdict};
use countersign::error::{Error, Origin};
use countersign::store::Options;
use countersign_trials::database::Server;
use futures_util::future::join_all;
use sea_orm::ConnectionTrait as _;

use super::{hotp_code, in_time, of, open, origin, through};
use crate::harness::databases::{Engine, on, on_private_servers};
use crate::harness::line::{Cut, Proxy};
use crate::harness::replica::{Answer, Proving, Replica, clock};
use crate::harness::{eventually, options};

on_private_servers!(
    connections_that_are_refused,
    a_server_that_is_frozen,
    a_server_that_is_killed,
    a_server_that_is_gone_is_not_called_busy,
    a_server_that_has_no_connection_left,
    a_server_that_becomes_read_only,
    a_pool_that_is_used_up_sheds,
    a_frozen_replica_blocks_nobody,
);

const SECOND: Duration = Duration::from_secs(1);

/// Offers a code until the database answers, and gives the verdict.
async fn offered(replica: &Replica, proving: &Proving, code: &str, id: u8) -> Answer {
    let mut answer = None;
    eventually("the database answers", async || {
        answer = in_time(3 * SECOND, replica.offer_as(proving, code, Some([id; 16]))).await.ok();
        answer.is_some()
    })
    .await;
    answer.unwrap()
}

/// Reads a device past everything that is remembered of it.
async fn read(replica: &Replica, proving: &Proving) -> Result<Option<Device>, Error> {
    let store = replica.service.store();
    Ok(store.device(&replica.caller.tenant, &proving.subject, &proving.device).await?)
}

fn accepted(answer: Answer) -> bool {
    matches!(answer, Answer::Fresh(Verdict::Accepted) | Answer::Again(true))
}

async fn replay(replica: &Replica, proving: &Proving, code: &str) {
    let verdict = replica.offer(proving, code).await.unwrap();
    assert!(matches!(verdict, Verdict::Rejected { reason: Reject::Replayed, .. }), "{verdict:?}");
}

async fn connections_that_are_refused(engine: Engine) {
    on(engine, async |database| {
        let proxy = Proxy::before(database.port()).await;
        let replica = Replica::start(&through(&database, &proxy), &clock(), Policies::default()).await;
        let proving = replica.hotp("alice").await;
        proxy.refuse();
        for limit in [SECOND, 3 * SECOND] {
            let tried = in_time(limit, replica.offer(&proving, &proving.codes[0])).await;
            assert_eq!(origin(&tried), Some(Origin::Store));
            let read = in_time(limit, async { replica.service.store().look().await }).await;
            assert!(read.is_err());
        }
        proxy.take();
        assert!(accepted(offered(&replica, &proving, &proving.codes[0], 1).await));
        replay(&replica, &proving, &proving.codes[0]).await;
        assert_eq!(database.events("proof.accepted").await, 2);
        replica.stop().await;
    })
    .await;
}

/// Many at once, so that whoever waits behind a frozen commit is answered, too.
async fn many_fail_and_recover(
    server: &mut Server,
    fails: impl AsyncFnOnce(&mut Server),
    recovers: impl AsyncFnOnce(&mut Server),
) {
    let database = of(server);
    let replica = Replica::start(&database, &clock(), Policies::default()).await;
    let names: Vec<String> = (0..12).map(|n| format!("user {n}")).collect();
    let mut all = Vec::new();
    for name in &names {
        all.push(replica.hotp(name).await);
    }
    let offer_all = async || {
        let offer = |(n, proving): (usize, &Proving)| {
            let (replica, proving) = (replica.clone(), proving.clone());
            async move {
                let id = Some([u8::try_from(n).unwrap(); 16]);
                in_time(3 * SECOND, replica.offer_as(&proving, &proving.codes[0], id)).await
            }
        };
        join_all(all.iter().enumerate().map(offer)).await
    };
    fails(server).await;
    for tried in offer_all().await {
        assert!(matches!(origin(&tried), Some(Origin::Store | Origin::Doubt | Origin::Crowd)), "{tried:?}");
    }
    recovers(server).await;
    for (n, proving) in all.iter().enumerate() {
        let answer = offered(&replica, proving, &proving.codes[0], u8::try_from(n).unwrap()).await;
        assert!(accepted(answer), "{answer:?}");
        replay(&replica, proving, &proving.codes[0]).await;
    }
    assert_eq!(database.events("proof.accepted").await, 2 * 12);
    assert_eq!(database.events("device.rolled_back").await, 0);
    replica.stop().await;
}

async fn a_server_that_is_frozen(engine: Engine) {
    let mut server = Server::start(engine, &[]).await.unwrap();
    many_fail_and_recover(
        &mut server,
        async |s| s.freeze().await.unwrap(),
        async |s| s.thaw().await.unwrap(),
    )
    .await;
    server.stop().await.unwrap();
}

async fn a_server_that_is_killed(engine: Engine) {
    let mut server = Server::start(engine, &[]).await.unwrap();
    many_fail_and_recover(&mut server, async |s| s.kill().await.unwrap(), async |s| s.go_on().await.unwrap())
        .await;
    server.stop().await.unwrap();
}

async fn a_server_that_has_no_connection_left(engine: Engine) {
    let settings: &[&str] = match engine {
        Engine::Postgres => &["max_connections=12", "superuser_reserved_connections=0"],
        _ => &["max-connections=12"],
    };
    let server = Server::start(engine, settings).await.unwrap();
    let database = of(&server);
    let replica = Replica::start(&database, &clock(), Policies::default()).await;
    let proving = replica.hotp("alice").await;
    replica.stop().await;
    // Another replica comes when others have taken all of them.
    let others = database.raw(12).await;
    let crowd = async || {
        let mut held = Vec::new();
        for _ in 0..12 {
            match tokio::time::timeout(SECOND / 5, sea_orm::TransactionTrait::begin(&others)).await {
                Ok(Ok(connection)) => held.push(connection),
                _ => break,
            }
        }
        held
    };
    let store = open(&Options { max_connections: 8, ..options(&server.url()) }).await.unwrap();
    let replica = Replica::over(store, &clock(), Policies::default());
    let held = crowd().await;
    assert!((1..12).contains(&held.len()), "{} connections were taken", held.len());
    let tries = (0..8).map(|_| in_time(2 * SECOND, replica.offer(&proving, "000000")));
    for tried in join_all(tries).await {
        assert!(matches!(origin(&tried), None | Some(Origin::Store | Origin::Crowd)), "{tried:?}");
    }
    drop(held);
    others.close().await.unwrap();
    replica.clock.advance(Duration::from_secs(3600));
    assert!(accepted(offered(&replica, &proving, &proving.codes[0], 1).await));
    replica.stop().await;
    server.stop().await.unwrap();
}

/// Whoever hears that there is too much to do comes again; whoever hears that nothing is there looks elsewhere.
async fn a_server_that_is_gone_is_not_called_busy(engine: Engine) {
    let mut server = Server::start(engine, &[]).await.unwrap();
    let brief = Options { acquire_timeout: SECOND / 5, ..options(&server.url()) };
    let replica = Replica::over(open(&brief).await.unwrap(), &clock(), Policies::default());
    let proving = replica.hotp("alice").await;
    server.kill().await.unwrap();
    eventually("it is seen to be gone", async || replica.service.store().look().await.is_err()).await;
    // More than can try at a time.
    for tried in join_all((0..20).map(|_| in_time(3 * SECOND, read(&replica, &proving)))).await {
        assert_eq!(origin(&tried), Some(Origin::Store), "{tried:?}");
    }
    server.go_on().await.unwrap();
    assert!(accepted(offered(&replica, &proving, &proving.codes[0], 1).await));
    replica.stop().await;
    server.stop().await.unwrap();
}

async fn a_server_that_becomes_read_only(engine: Engine) {
    let server = Server::start(engine, &[]).await.unwrap();
    let mut database = of(&server);
    let (forbid, allow) = match engine {
        Engine::Postgres => (
            "ALTER SYSTEM SET default_transaction_read_only = on",
            "ALTER SYSTEM RESET default_transaction_read_only",
        ),
        _ => {
            // Who may do everything may also write to a server that is read-only.
            server.execute("CREATE USER app@'%'").await.unwrap();
            server.execute("GRANT ALL ON test.* TO app@'%'").await.unwrap();
            database.url = database.url.replace("root@", "app@");
            ("SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0")
        }
    };
    let replica = Replica::start(&database, &clock(), Policies::default()).await;
    let proving = replica.hotp("alice").await;
    server.set(forbid).await.unwrap();
    let tried = in_time(3 * SECOND, replica.offer(&proving, &proving.codes[0])).await;
    assert_eq!(origin(&tried), Some(Origin::Store));
    let look = in_time(3 * SECOND, async { replica.service.store().look().await }).await.unwrap_err();
    assert!(look.to_string().contains("takes no writes, since"), "{look}");
    server.set(allow).await.unwrap();
    assert!(accepted(offered(&replica, &proving, &proving.codes[0], 1).await));
    replay(&replica, &proving, &proving.codes[0]).await;
    replica.stop().await;
    server.stop().await.unwrap();
}

async fn a_pool_that_is_used_up_sheds(engine: Engine) {
    on(engine, async |database| {
        // No limits in the database: who holds a connection holds it.
        let none = Options {
            // One of them is the lane's own.
            max_connections: 3,
            statement_timeout: Duration::ZERO,
            lock_timeout: Duration::ZERO,
            ..database.options()
        };
        let entropy: Arc<dyn countersign::env::Entropy> = Arc::new(countersign::env::SystemEntropy);
        let store = countersign::app::open(&none, database.keyring.clone(), &entropy).await.unwrap();
        let replica = Replica::over(store, &clock(), Policies::default());
        let proving = replica.hotp("alice").await;
        let other = database.raw(1).await;
        let lock: &[&str] = match engine {
            Engine::Postgres => &["BEGIN", "LOCK TABLE device IN ACCESS EXCLUSIVE MODE"],
            _ => &["LOCK TABLES device WRITE"],
        };
        for statement in lock {
            other.execute_unprepared(statement).await.unwrap();
        }
        // Readings: a verification need not read, and waits in its lane.
        let (first, second) = (read(&replica, &proving), read(&replica, &proving));
        let (held, shed) = (tokio::time::timeout(4 * SECOND, futures_util::future::join(first, second)), async {
            // The two have their connections once the database has them wait.
            let waiting = match engine {
                Engine::Postgres => "SELECT COUNT(*) FROM pg_locks WHERE NOT granted",
                _ => "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table%'",
            };
            eventually("two wait", async || {
                database.rows(waiting).await[0].try_get_by_index::<i64>(0).unwrap() >= 2
            })
            .await;
            let begun = tokio::time::Instant::now();
            let tried = in_time(SECOND, read(&replica, &proving)).await;
            (tried, begun.elapsed())
        });
        let (_, (tried, took)) = futures_util::future::join(held, shed).await;
        assert_eq!(origin(&tried), Some(Origin::Crowd), "{tried:?}");
        assert!(took < SECOND, "{took:?}");
        other.close().await.unwrap();
        assert!(accepted(offered(&replica, &proving, &proving.codes[0], 1).await));
        replica.stop().await;
    })
    .await;
}

/// A replica that is frozen in the middle of a commit keeps its locks no longer than a statement may take.
async fn a_frozen_replica_blocks_nobody(engine: Engine) {
    on(engine, async |database| {
        let proxy = Proxy::before(database.port()).await;
        let limits = |url: &str| Options { statement_timeout: SECOND, lock_timeout: SECOND, ..options(url) };
        let entropy: Arc<dyn countersign::env::Entropy> = Arc::new(countersign::env::SystemEntropy);
        let start = async |url: &str| {
            let store =
                countersign::app::open(&limits(url), database.keyring.clone(), &entropy).await.unwrap();
            Replica::over(store, &clock(), Policies::default())
        };
        let frozen = start(&through(&database, &proxy).url).await;
        let other = start(&database.url).await;
        let proving = frozen.hotp("alice").await;
        for nth in 0..8 {
            let code = |n: u64| hotp_code(1 + 3 * nth + n);
            assert_eq!(frozen.offer(&proving, &code(0)).await.unwrap(), Verdict::Accepted);
            proxy.cut(usize::try_from(nth).unwrap(), Cut::Hold);
            let tried = in_time(2 * SECOND, frozen.offer(&proving, &code(1))).await;
            proxy.mend();
            let next = in_time(8 * SECOND, other.offer(&proving, &code(2))).await.unwrap();
            assert_eq!(next, Verdict::Accepted, "{nth}: {tried:?}");
        }
        frozen.stop().await;
        other.stop().await;
    })
    .await;
}
