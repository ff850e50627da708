//! A look into the database, past the server.

use std::collections::BTreeMap;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, QueryResult, Statement,
};

use super::Harness;

/// Every table that the server writes to.
const TABLES: [&str; 8] = ["device", "subject", "request", "event", "meta", "evidence", "client", "secret"];

/// One event of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Happened {
    pub(crate) what: String,
    pub(crate) tenant: String,
    pub(crate) subject: String,
    /// Empty: none.
    pub(crate) device: String,
    pub(crate) caller: String,
    pub(crate) details: BTreeMap<String, String>,
}

/// Sees whether anybody writes to the database.
pub(crate) struct Watch {
    db: DatabaseConnection,
    seen: i64,
}

impl Watch {
    /// Whether something was committed since this was asked last.
    pub(crate) async fn has_changed(&mut self) -> bool {
        // SQLite counts the commits of other connections for this one.
        let row = Statement::from_string(DbBackend::Sqlite, "PRAGMA data_version");
        let now = self.db.query_one_raw(row).await.unwrap().unwrap().try_get_by_index(0).unwrap();
        std::mem::replace(&mut self.seen, now) != now
    }
}

impl Harness {
    /// A second connection to the database.
    pub(crate) async fn connection(&self) -> DatabaseConnection {
        let mut options = ConnectOptions::new(&self.database);
        // No idle connection is ended: see `TestDatabase::raw`.
        options.max_connections(1).idle_timeout(None).max_lifetime(None);
        Database::connect(options).await.unwrap()
    }

    /// Sees whether anybody writes to the database from now on.
    pub(crate) async fn watch(&self) -> Watch {
        let mut watch = Watch { db: self.connection().await, seen: 0 };
        watch.has_changed().await;
        watch
    }

    /// The rows that a query gives.
    pub(crate) async fn query(&self, sql: &str) -> Vec<QueryResult> {
        let db = self.connection().await;
        let rows = db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
        db.close().await.unwrap();
        rows
    }

    /// What happened, oldest first.
    pub(crate) async fn events(&self) -> Vec<Happened> {
        let sql = "SELECT what, tenant, subject, device, caller, details FROM event ORDER BY link, place";
        let happened = |row: QueryResult| Happened {
            what: row.try_get_by_index(0).unwrap(),
            tenant: row.try_get_by_index(1).unwrap(),
            subject: row.try_get_by_index(2).unwrap(),
            device: row.try_get_by_index(3).unwrap(),
            caller: row.try_get_by_index(4).unwrap(),
            details: serde_json::from_str(&row.try_get_by_index::<String>(5).unwrap()).unwrap(),
        };
        self.query(sql).await.into_iter().map(happened).collect()
    }

    /// What happened to a subject, in words, oldest first.
    pub(crate) async fn events_of(&self, subject: &str) -> Vec<String> {
        let events = self.events().await;
        events.into_iter().filter(|event| event.subject == subject).map(|event| event.what).collect()
    }

    /// Everything that is stored, a line for each row.
    pub(crate) async fn dump(&self) -> Vec<String> {
        let db = self.connection().await;
        let mut lines = Vec::new();
        for table in TABLES {
            let all = |sql: String| db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql));
            let columns = all(format!("SELECT name FROM pragma_table_info('{table}')")).await.unwrap();
            assert!(!columns.is_empty(), "there is no table {table}");
            let quoted: Vec<String> = columns
                .iter()
                .map(|row| format!("quote(\"{}\")", row.try_get_by_index::<String>(0).unwrap()))
                .collect();
            let rows = all(format!("SELECT {} FROM {table} ORDER BY 1", quoted.join(" || '|' || "))).await;
            for row in rows.unwrap() {
                lines.push(format!("{table}|{}", row.try_get_by_index::<String>(0).unwrap()));
            }
        }
        db.close().await.unwrap();
        lines
    }
}
