//! Rights of the database's user. What is missing stops the start with a sentence that has the GRANT; while serving it is
//! never said to go away by itself, and the server is not ready until it is granted.

use countersign::domain::ids::DeviceId;
use countersign::error::{Error, Fault, Origin};

use super::fixtures::{subject, tenant};
use super::turns::Counted;
use crate::harness::databases::{Engine, TestDatabase, on, on_every_server};
use crate::harness::fixture::NOBODYS;
use crate::harness::users::TestUser;

on_every_server!(
    a_user_who_lacks_one_right_is_refused_with_the_grant,
    a_user_who_may_only_read_is_refused_with_all_grants,
    a_user_without_any_right_is_refused_with_all_grants,
    a_table_that_is_gone_makes_a_server_not_ready,
    a_user_who_may_not_make_tables_is_refused_before_anything_is_written,
    a_right_that_is_revoked_is_no_outage,
    a_right_to_read_that_is_revoked_is_no_outage,
    a_table_that_is_gone_is_no_outage,
);

/// What serving needs.
const RIGHTS: [(&str, &str); 10] = [
    ("seaql_migrations", "SELECT"),
    ("meta", "SELECT, INSERT"),
    ("event", "SELECT, INSERT"),
    ("request", "SELECT, INSERT, DELETE"),
    ("device", "SELECT, INSERT, UPDATE, DELETE"),
    ("subject", "SELECT, INSERT, UPDATE, DELETE"),
    ("evidence", "SELECT, INSERT, UPDATE, DELETE"),
    ("client", "SELECT, INSERT, UPDATE, DELETE"),
    ("revocation", "SELECT, INSERT, UPDATE, DELETE"),
    ("secret", "SELECT, INSERT, UPDATE, DELETE"),
];

/// A user with those rights and no other, on a database with a schema.
async fn serving(database: &TestDatabase) -> TestUser {
    database.open().await.close().await;
    let user = TestUser::of(database, "serving").await;
    for (table, rights) in RIGHTS {
        user.grant(rights, table).await;
    }
    user
}

async fn refusal(user: &TestUser) -> String {
    user.database.try_open().await.err().expect("a right is missing").to_string()
}

async fn a_user_who_lacks_one_right_is_refused_with_the_grant(database: TestDatabase) {
    let user = serving(&database).await;
    for (table, rights) in RIGHTS {
        for right in rights.split(", ") {
            user.revoke(right, table).await;
            // Without the right to read, whether it may insert cannot be told.
            let asked = if right == "SELECT" && rights.contains("INSERT") { "SELECT, INSERT" } else { right };
            let says = format!(
                "the database's user {} lacks rights that serving needs; have an administrator of the database run `{}`",
                user.name,
                user.grants(asked, table)
            );
            assert_eq!(refusal(&user).await, says);
            user.grant(right, table).await;
        }
    }
    // With all of them it serves.
    user.database.open().await.close().await;
    user.remove().await;
}

async fn a_user_without_any_right_is_refused_with_all_grants(database: TestDatabase) {
    let user = serving(&database).await;
    for (table, rights) in RIGHTS {
        user.revoke(rights, table).await;
    }
    let refused = refusal(&user).await;
    if database.engine == Engine::MySql {
        // Such a user does not get in.
        assert!(refused.contains("have an administrator give the user its rights"), "{refused}");
    } else {
        let all: Vec<_> = RIGHTS.iter().map(|(table, rights)| user.grants(rights, table)).collect();
        assert!(refused.ends_with(&format!("run `{}`", all.join("; "))), "{refused}");
    }
    user.remove().await;
}

async fn a_table_that_is_gone_makes_a_server_not_ready(database: TestDatabase) {
    let counted = Counted::on(&database).await;
    let look = async || counted.replica.service.look().await;
    for table in ["evidence", "device", "event"] {
        look().await.unwrap();
        database.execute(&format!("ALTER TABLE {table} RENAME TO moved")).await;
        let fault = fault(counted.verify(&counted.right()).await);
        assert_eq!(fault.origin, Origin::Internal, "{fault}");
        for _ in 0..2 {
            assert!(look().await.is_err(), "{table}");
        }
        database.execute(&format!("ALTER TABLE moved RENAME TO {table}")).await;
        look().await.unwrap();
    }
    counted.replica.stop().await;
}

async fn a_user_who_may_only_read_is_refused_with_all_grants(database: TestDatabase) {
    let user = serving(&database).await;
    let mut lacks = Vec::new();
    for (table, rights) in RIGHTS {
        if let Some((_, rights)) = rights.split_once("SELECT, ") {
            user.revoke(rights, table).await;
            lacks.push(user.grants(rights, table));
        }
    }
    let says = format!(
        "the database's user {} lacks rights that serving needs; have an administrator of the database run `{}`",
        user.name,
        lacks.join("; ")
    );
    assert_eq!(refusal(&user).await, says);
    user.remove().await;
}

async fn a_user_who_may_not_make_tables_is_refused_before_anything_is_written(database: TestDatabase) {
    let user = TestUser::of(&database, "stranger").await;
    let grant = if database.engine == Engine::MySql {
        user.grant("SELECT, INSERT, UPDATE, DELETE", "*").await;
        format!("CREATE, ALTER, INDEX, SELECT, INSERT ON {}.* TO {}", database.name(), user.name)
    } else {
        // As PostgreSQL has it from 15 on.
        database.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC").await;
        format!("CREATE ON SCHEMA public TO {}", user.name)
    };
    let says = format!(
        "the database's user {} may not change the schema, which is not up to date; have the owner of the database run \
         `GRANT {grant}`, or run `countersign migrate` as a user who may",
        user.name
    );
    assert_eq!(refusal(&user).await, says);
    assert!(database.try_open().await.is_ok(), "the owner may");
    user.remove().await;
}

fn fault<T: std::fmt::Debug>(tried: Result<T, Error>) -> Fault {
    match tried {
        Err(Error::Fault(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

async fn a_right_that_is_revoked_is_no_outage(database: TestDatabase) {
    let user = serving(&database).await;
    for (number, (right, table)) in [("INSERT", "event"), ("UPDATE", "device")].into_iter().enumerate() {
        let counted = Counted::of(&user.database, &format!("user {number}")).await;
        let look = async || counted.replica.service.look().await;
        look().await.unwrap();
        user.revoke(right, table).await;
        // More than a few, so that judging is delayed as well.
        for _ in 0..6 {
            let fault = fault(counted.verify(&counted.right()).await);
            assert_eq!(fault.origin, Origin::Internal, "{fault}");
            let said = fault.to_string();
            assert!(said.contains("retrying does not help") || said.contains("moments ago"), "{said}");
        }
        let not_ready = look().await.unwrap_err().to_string();
        assert!(not_ready.contains(&user.grants(right, table)), "{not_ready}");
        user.grant(right, table).await;
        look().await.unwrap();
        let accepted = async { while counted.verify(&counted.right()).await.is_err() {} };
        tokio::time::timeout(std::time::Duration::from_secs(20), accepted).await.expect("it is judged again");
        counted.replica.stop().await;
    }
    user.remove().await;
}

async fn a_right_to_read_that_is_revoked_is_no_outage(database: TestDatabase) {
    let user = serving(&database).await;
    let store = user.database.open().await;
    let id = DeviceId::parse(NOBODYS).unwrap();
    let read = async || store.device(&tenant(), &subject("alice"), &id).await;
    read().await.unwrap();
    user.revoke("SELECT", "device").await;
    assert_eq!(read().await.unwrap_err().origin, Origin::Internal);
    let not_ready = store.look().await.unwrap_err().to_string();
    assert!(not_ready.contains(&user.grants("SELECT, INSERT", "device")), "{not_ready}");
    user.grant("SELECT", "device").await;
    read().await.unwrap();
    store.look().await.unwrap();
    store.close().await;
    user.remove().await;
}

async fn a_table_that_is_gone_is_no_outage(database: TestDatabase) {
    let counted = Counted::of(&database, "alice").await;
    database.execute("ALTER TABLE event RENAME TO gone").await;
    let fault = fault(counted.verify(&counted.right()).await);
    assert_eq!(fault.origin, Origin::Internal, "{fault}");
    database.execute("ALTER TABLE gone RENAME TO event").await;
    counted.verify(&counted.right()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_does_not_own_the_tables_is_told_to_migrate_as_their_owner() {
    on(Engine::Postgres, async |database: TestDatabase| {
        let user = serving(&database).await;
        database.execute(&format!("GRANT CREATE ON SCHEMA public TO {}", user.name)).await;
        database.execute("DELETE FROM seaql_migrations WHERE version LIKE 'm0010%'").await;
        database.execute("ALTER TABLE subject DROP COLUMN forgiven").await;
        let refused = refusal(&user).await;
        assert!(refused.contains("must be owner of table subject"), "{refused}");
        assert!(refused.ends_with("run `countersign migrate` as the owner of the tables"), "{refused}");
        database.open().await.close().await;
        user.database.open().await.close().await;
        user.remove().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_use_no_schema_is_refused() {
    on(Engine::Postgres, async |database: TestDatabase| {
        let user = serving(&database).await;
        database.execute("REVOKE USAGE ON SCHEMA public FROM PUBLIC").await;
        let says = format!(
            "the database's user {0} may use no schema of its search_path (\"$user\", public); have the owner run `GRANT \
             USAGE ON SCHEMA public TO {0}`, or set another search_path with ALTER ROLE",
            user.name
        );
        assert_eq!(refusal(&user).await, says);
        user.remove().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_database_that_is_not_utf_8_is_refused_before_anything_is_written() {
    on(Engine::Postgres, async |database: TestDatabase| {
        for encoding in ["SQL_ASCII", "LATIN1"] {
            let other = database.other(&format!("{}_{}", database.name(), encoding.to_lowercase()));
            let name = other.name();
            let sql = format!(
                "CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
            );
            database.execute(&sql).await;
            let refused = other.try_open().await.err().unwrap().to_string();
            let says = format!(
                "the database's encoding is {encoding}, and must be UTF8: create a database with `CREATE DATABASE … \
                 ENCODING 'UTF8' TEMPLATE template0`, and name it in database_url"
            );
            assert_eq!(refused, says);
            assert_eq!(other.count("pg_tables WHERE schemaname = 'public'").await, 0);
            database.execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    })
    .await;
}

/// Its own texts are bytes there, so that the character set of the database means nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_database_of_any_character_set_keeps_every_name() {
    on(Engine::MySql, async |database: TestDatabase| {
        for charset in ["latin1", "utf16", "ascii"] {
            database.execute(&format!("ALTER DATABASE {} CHARACTER SET {charset}", database.name())).await;
            let counted = Counted::of(&database, &format!("Жанна 🐢 {charset}")).await;
            counted.verify(&counted.right()).await.unwrap();
            counted.replica.stop().await;
            for table in RIGHTS.map(|(table, _)| table) {
                database.execute(&format!("DROP TABLE {table}")).await;
            }
        }
    })
    .await;
}
