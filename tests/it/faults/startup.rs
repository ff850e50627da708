//! A start is refused where a promise could not be kept, with one sentence that says what to do.

use countersign::store::Options;
use countersign_trials::database::Server;

use super::open;
use crate::harness::databases::{Engine, on_private_servers};
use crate::harness::options;

on_private_servers!(
    a_server_that_forgets_commits_is_refused_unless_that_is_allowed,
    a_server_that_takes_no_writes_is_refused,
);

/// What makes a server weak, what takes it back, and what is said of it.
const WEAK: &[(Engine, &str, &str, &str)] = &[
    (
        Engine::Postgres,
        "ALTER ROLE test SET synchronous_commit = off",
        "ALTER ROLE test RESET synchronous_commit",
        "the database's synchronous_commit is off, so that used codes come back after a crash; set it to on, \
         as in ALTER ROLE … SET synchronous_commit = on",
    ),
    (
        Engine::Postgres,
        "ALTER SYSTEM SET fsync = off",
        "ALTER SYSTEM RESET fsync",
        "the database's fsync is off, so that used codes come back after a crash; set it to on in \
         postgresql.conf",
    ),
    (
        Engine::Postgres,
        "ALTER SYSTEM SET full_page_writes = off",
        "ALTER SYSTEM RESET full_page_writes",
        "the database's full_page_writes is off, so that used codes come back after a crash; set it to on in \
         postgresql.conf",
    ),
    (
        Engine::MySql,
        "SET GLOBAL innodb_flush_log_at_trx_commit = 2",
        "SET GLOBAL innodb_flush_log_at_trx_commit = 1",
        "the database's innodb_flush_log_at_trx_commit is 2, so that used codes come back after a crash; SET \
         GLOBAL innodb_flush_log_at_trx_commit = 1",
    ),
    (
        Engine::MySql,
        "SET GLOBAL innodb_flush_log_at_trx_commit = 0",
        "SET GLOBAL innodb_flush_log_at_trx_commit = 1",
        "the database's innodb_flush_log_at_trx_commit is 0, so that used codes come back after a crash; SET \
         GLOBAL innodb_flush_log_at_trx_commit = 1",
    ),
    (
        Engine::MySql,
        "SET GLOBAL sync_binlog = 0",
        "SET GLOBAL sync_binlog = 1",
        "the database's sync_binlog is 0, so that used codes come back after a crash; SET GLOBAL sync_binlog \
         = 1",
    ),
];

async fn a_server_that_forgets_commits_is_refused_unless_that_is_allowed(engine: Engine) {
    let settings: &[&str] = if engine == Engine::MySql { &["log-bin=bin", "sync-binlog=1"] } else { &[] };
    let server = Server::start(engine, settings).await.unwrap();
    let strict = options(&server.url());
    let allowing = Options { allow_weak_durability: true, ..strict.clone() };
    for (_, weaken, restore, says) in WEAK.iter().filter(|(of, ..)| *of == engine) {
        server.set(weaken).await.unwrap();
        let refused = open(&strict).await.err().unwrap().to_string();
        assert_eq!(refused, format!("{says}; or say database.allow_weak_durability = true"), "{weaken}");
        assert_eq!(tables(&server).await, 0, "{weaken}");
        server.set(restore).await.unwrap();
    }
    open(&strict).await.unwrap().close().await;
    let (_, weaken, ..) = WEAK.iter().find(|(of, ..)| *of == engine).unwrap();
    server.set(weaken).await.unwrap();
    assert!(open(&strict).await.is_err());
    open(&allowing).await.unwrap().close().await;
    server.stop().await.unwrap();
}

async fn a_server_that_takes_no_writes_is_refused(engine: Engine) {
    let server = Server::start(engine, &[]).await.unwrap();
    let at = format!("127.0.0.1:{}", server.port);
    let (forbid, setting) = match engine {
        Engine::Postgres => {
            ("ALTER SYSTEM SET default_transaction_read_only = on", "default_transaction_read_only")
        }
        _ => ("SET GLOBAL read_only = 1", "read_only"),
    };
    server.set(forbid).await.unwrap();
    let refused = open(&options(&server.url())).await.err().unwrap().to_string();
    let says = format!(
        "no server of the database can be used: {at} takes no writes, since {setting} is on; turn it off, or \
         name the server that does"
    );
    assert_eq!(refused, says);
    assert_eq!(tables(&server).await, 0);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_refused() {
    if Engine::Postgres.is_left_out().unwrap() {
        return;
    }
    let primary = Server::start(Engine::Postgres, &[]).await.unwrap();
    let standby = Server::standby_of(&primary, primary.port).await.unwrap();
    let refused = open(&options(&standby.url())).await.err().unwrap().to_string();
    let says = format!(
        "no server of the database can be used: 127.0.0.1:{} is a standby, which takes no writes; name the \
         primary in the database URL, or all servers with commas between them",
        standby.port
    );
    assert_eq!(refused, says);
    standby.stop().await.unwrap();
    primary.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_only_one_server_has_are_too_weak_where_standbys_are_to_have_them() {
    if Engine::Postgres.is_left_out().unwrap() {
        return;
    }
    let server = Server::start(Engine::Postgres, &[]).await.unwrap();
    // Without synchronous standbys it is as good as on.
    let local = options(&format!("{}?options=-c%20synchronous_commit%3Dlocal", server.url()));
    open(&local).await.unwrap().close().await;
    server.set("ALTER SYSTEM SET synchronous_standby_names = 'standby'").await.unwrap();
    let refused = open(&local).await.err().unwrap().to_string();
    assert!(refused.starts_with("the database's synchronous_commit is local"), "{refused}");
    server.stop().await.unwrap();
}

async fn tables(server: &Server) -> i64 {
    let schema = if server.engine == Engine::Postgres { "'public'" } else { "'test'" };
    let sql = format!("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = {schema}");
    server.rows(&sql).await.unwrap()[0].try_get_by_index(0).unwrap()
}
