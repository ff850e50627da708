//! Settings by which a database forgets commits that it has acknowledged. A used code that is forgotten works
//! again, so the start is refused with them.

use std::fmt;

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr, Statement};

use super::{Database, dialect};
use crate::error::Fault;

/// A setting by which a crash forgets commits that were acknowledged, or ruins the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weakness {
    setting: &'static str,
    value: String,
    remedy: &'static str,
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, value, remedy } = self;
        write!(f, "the database's {setting} is {value}, so that used codes come back after a crash; {remedy}")
    }
}

impl Database {
    /// What is set too weak, as far as the database says.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn weaknesses(&self) -> Result<Vec<Weakness>, Fault> {
        let found = match self.writer.backend() {
            DbBackend::Postgres => self.of_postgres().await,
            DbBackend::MySql => self.of_mysql().await,
            _ => self.of_sqlite().await,
        };
        found.map_err(|e| dialect::fault("asking the database how durable its commits are", e))
    }

    async fn of_postgres(&self) -> Result<Vec<Weakness>, DbErr> {
        let settings = self
            .settings(
                "SELECT name, setting FROM pg_settings WHERE name IN \
             ('synchronous_commit', 'synchronous_standby_names', 'fsync', 'full_page_writes')",
            )
            .await?;
        let has_standbys = settings.value("synchronous_standby_names").is_some_and(|names| !names.is_empty());
        // Without synchronous standbys, these two are as good as on.
        let commit: &[&str] = if has_standbys {
            &["on", "remote_apply"]
        } else {
            &["on", "remote_apply", "local", "remote_write"]
        };
        Ok(settings.weak(&[
            rule(
                "synchronous_commit",
                commit,
                "set it to on, as in ALTER ROLE … SET synchronous_commit = on",
            ),
            rule("fsync", &["on"], "set it to on in postgresql.conf"),
            rule("full_page_writes", &["on"], "set it to on in postgresql.conf"),
        ]))
    }

    async fn of_mysql(&self) -> Result<Vec<Weakness>, DbErr> {
        let settings = self
            .settings(
                "SHOW GLOBAL VARIABLES WHERE Variable_name IN \
             ('innodb_flush_log_at_trx_commit', 'innodb_doublewrite', 'log_bin', 'sync_binlog')",
            )
            .await?;
        let mut rules = vec![
            // 3 flushes more than 1 does (MariaDB).
            rule(
                "innodb_flush_log_at_trx_commit",
                &["1", "3"],
                "SET GLOBAL innodb_flush_log_at_trx_commit = 1",
            ),
            rule(
                "innodb_doublewrite",
                &["ON", "1", "DETECT_AND_RECOVER"],
                "start the server with innodb_doublewrite = ON",
            ),
        ];
        // Where there is a binary log, what is not in it after a crash is rolled back.
        if settings.value("log_bin") == Some("ON") {
            rules.push(rule("sync_binlog", &["1"], "SET GLOBAL sync_binlog = 1"));
        }
        Ok(settings.weak(&rules))
    }

    async fn of_sqlite(&self) -> Result<Vec<Weakness>, DbErr> {
        let settings = self
            .settings(
                "SELECT 'synchronous', CAST(synchronous AS TEXT) FROM pragma_synchronous \
             UNION ALL SELECT 'journal_mode', journal_mode FROM pragma_journal_mode",
            )
            .await?;
        Ok(settings.weak(&[
            rule("synchronous", &["2", "3"], "set it to FULL"),
            rule("journal_mode", &["wal", "delete", "truncate", "persist"], "set it to WAL"),
        ]))
    }

    async fn settings(&self, sql: &str) -> Result<Settings, DbErr> {
        let rows = self.writer.query_all_raw(Statement::from_string(self.writer.backend(), sql)).await?;
        let pair = |row: &sea_orm::QueryResult| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
        Ok(Settings(rows.iter().map(pair).collect::<Result<_, DbErr>>()?))
    }
}

/// Settings and their values.
struct Settings(Vec<(String, String)>);

impl Settings {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Those that have a value other than the good ones.
    fn weak(&self, rules: &[Rule]) -> Vec<Weakness> {
        let weak = |rule: &Rule| {
            let value = self.value(rule.setting).filter(|value| !rule.good.contains(value))?;
            Some(Weakness { setting: rule.setting, value: value.to_owned(), remedy: rule.remedy })
        };
        rules.iter().filter_map(weak).collect()
    }
}

/// What a setting must be.
struct Rule {
    setting: &'static str,
    good: &'static [&'static str],
    remedy: &'static str,
}

const fn rule(setting: &'static str, good: &'static [&'static str], remedy: &'static str) -> Rule {
    Rule { setting, good, remedy }
}

#[cfg(test)]
mod tests;
