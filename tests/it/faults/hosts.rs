//! Several hosts in a URL: the one that takes writes is used, and another when that changes.

use countersign::domain::policy::Policies;
use countersign::domain::proof::{Reject, Verdict};
use countersign_trials::database::Server;

use super::{hotp_code, of};
use crate::harness::databases::{Engine, TestDatabase, on, on_private_servers};
use crate::harness::eventually;
use crate::harness::line::Proxy;
use crate::harness::replica::{Proving, Replica, clock};

on_private_servers!(
    a_host_that_is_gone_is_left_for_the_next,
    a_host_that_takes_no_writes_is_passed_over_and_left,
);

/// Offers a code until a server takes it. It is a request of its own each time, so a commit that nobody
/// could vouch for may show as a replay.
async fn accepted(replica: &Replica, proving: &Proving, code: &str) {
    let mut said = None;
    eventually("a server takes writes", async || {
        said = replica.offer(proving, code).await.ok();
        said.is_some()
    })
    .await;
    let is_used =
        matches!(said, Some(Verdict::Accepted | Verdict::Rejected { reason: Reject::Replayed, .. }));
    assert!(is_used, "{said:?}");
    replica.clock.advance(std::time::Duration::from_secs(3600));
}

async fn rejected(replica: &Replica, proving: &Proving, code: &str) {
    let verdict = replica.offer(proving, code).await.unwrap();
    assert!(matches!(verdict, Verdict::Rejected { .. }), "{verdict:?}");
    replica.clock.advance(std::time::Duration::from_secs(3600));
}

/// Two ways to one server, as two hosts: one is lost without a word, then comes back while the other is
/// refused.
async fn a_host_that_is_gone_is_left_for_the_next(engine: Engine) {
    on(engine, async |database| {
        let hosts = [Proxy::before(database.port()).await, Proxy::before(database.port()).await];
        let addresses = format!("{},{}", hosts[0].address(), hosts[1].address());
        let at = format!("127.0.0.1:{}", database.port());
        let url = database.url.replace(&at, &addresses);
        let both = TestDatabase { url, ..database.clone() };
        let replica = Replica::start(&both, &clock(), Policies::default()).await;
        let proving = replica.hotp("alice").await;
        accepted(&replica, &proving, &hotp_code(1)).await;
        hosts[0].freeze();
        accepted(&replica, &proving, &hotp_code(2)).await;
        hosts[0].thaw();
        hosts[1].refuse();
        accepted(&replica, &proving, &hotp_code(3)).await;
        hosts[1].take();
        for counter in 1..4 {
            rejected(&replica, &proving, &hotp_code(counter)).await;
        }
        assert_eq!(database.events("proof.accepted").await, 4);
        replica.stop().await;
    })
    .await;
}

async fn a_host_that_takes_no_writes_is_passed_over_and_left(engine: Engine) {
    let servers = [Server::start(engine, &[]).await.unwrap(), Server::start(engine, &[]).await.unwrap()];
    let forbid = async |server: &Server, forbid: bool| match engine {
        Engine::Postgres => {
            let value = if forbid { "on" } else { "off" };
            server.set(&format!("ALTER SYSTEM SET default_transaction_read_only = {value}")).await.unwrap();
        }
        _ => server.set(&format!("SET GLOBAL read_only = {}", u8::from(forbid))).await.unwrap(),
    };
    let databases = [of(&servers[0]), of(&servers[1])];
    for database in &databases {
        database.open().await.close().await;
    }
    let hosts = servers.each_ref().map(|server| format!("127.0.0.1:{}", server.port)).join(",");
    let both = TestDatabase { url: servers[0].url_at(&hosts), ..databases[0].clone() };
    forbid(&servers[0], true).await;
    let replica = Replica::start(&both, &clock(), Policies::default()).await;
    replica.hotp("alice").await;
    assert_eq!([databases[0].count("device").await, databases[1].count("device").await], [0, 1]);
    forbid(&servers[1], true).await;
    forbid(&servers[0], false).await;
    eventually("the other is used", async || {
        replica.service.store().look().await.is_ok() && servers_used(&replica, &databases[0]).await
    })
    .await;
    assert_eq!(databases[1].count("device").await, 1);
    replica.stop().await;
    for server in servers {
        server.stop().await.unwrap();
    }
}

/// Whether a new device comes to that database.
async fn servers_used(replica: &Replica, database: &TestDatabase) -> bool {
    replica.hotp("bob").await;
    database.count("device").await > 0
}

/// A fail-over to a standby that has everything: nothing is accepted twice, and it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_promoted_standby_is_moved_to() {
    fail_over(true).await;
}

/// A fail-over to a standby that did not have the last commits, which were acknowledged: what was accepted
/// in them is not accepted again by who accepted it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_promoted_standby_has_never_seen_is_not_accepted_again() {
    fail_over(false).await;
}

async fn fail_over(is_synced: bool) {
    if Engine::Postgres.is_left_out().unwrap() {
        return;
    }
    let mut primary = Server::start(Engine::Postgres, &[]).await.unwrap();
    let stream = Proxy::before(primary.port).await;
    let standby = Server::standby_of(&primary, stream.port()).await.unwrap();
    // The standby comes first: it is passed over until it is promoted.
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", standby.port, primary.port);
    let url = format!("{}?target_session_attrs=read-write", primary.url_at(&hosts));
    let database = TestDatabase { url, ..of(&primary) };
    let replica = Replica::start(&database, &clock(), Policies::default()).await;
    let proving = replica.hotp("alice").await;
    accepted(&replica, &proving, &hotp_code(1)).await;
    let here = primary.text("SELECT pg_current_wal_lsn()::text").await.unwrap();
    eventually("the standby has it", async || {
        let sql = format!("SELECT (pg_last_wal_replay_lsn() >= '{here}')::text");
        standby.text(&sql).await.unwrap() == "true"
    })
    .await;
    if !is_synced {
        stream.freeze();
    }
    assert_eq!(replica.offer(&proving, &hotp_code(2)).await.unwrap(), Verdict::Accepted);
    if is_synced {
        let here = primary.text("SELECT pg_current_wal_lsn()::text").await.unwrap();
        eventually("the standby has it", async || {
            let sql = format!("SELECT (pg_last_wal_replay_lsn() >= '{here}')::text");
            standby.text(&sql).await.unwrap() == "true"
        })
        .await;
    }
    primary.kill().await.unwrap();
    stream.refuse();
    let tried = replica.offer(&proving, &hotp_code(3)).await;
    assert!(tried.is_err(), "no server takes writes: {tried:?}");
    standby.text("SELECT pg_promote()::text").await.unwrap();
    let promoted = of(&standby);
    eventually("the standby is moved to", async || replica.service.store().look().await.is_ok()).await;
    for counter in [1, 2] {
        rejected(&replica, &proving, &hotp_code(counter)).await;
    }
    accepted(&replica, &proving, &hotp_code(3)).await;
    assert_eq!(promoted.events("device.rolled_back").await, i64::from(!is_synced));
    replica.stop().await;
    standby.stop().await.unwrap();
}
