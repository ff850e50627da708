//! Statements, counted where they arrive.

use std::time::Duration;

use super::{Database, Engine};
use crate::Failed;

/// What a database was asked to do meanwhile.
#[derive(Debug, Clone, Copy, Default)]
pub struct Statements {
    /// Everything, transactions' beginnings and ends included.
    pub all: f64,
    /// What only reads.
    pub reads: f64,
}

impl Statements {
    /// What writes, or begins or ends a transaction.
    pub fn writes(self) -> f64 {
        self.all - self.reads
    }
}

/// By what means they are counted.
pub fn how(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "nowhere",
        Engine::Postgres => "pg_stat_statements, sum of calls",
        Engine::Mariadb => "SHOW GLOBAL STATUS, Questions and Com_select",
    }
}

/// Does something and counts what the database was asked to do meanwhile.
pub fn during<S: AsRef<Database>, T>(
    on: &mut S,
    something: impl FnOnce(&mut S) -> Result<T, Failed>,
) -> Result<(T, Statements), Failed> {
    match on.as_ref().engine {
        Engine::Sqlite => Ok((something(on)?, Statements::default())),
        Engine::Postgres => {
            let database = on.as_ref();
            database.ask("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")?;
            track(database, "top")?;
            database.ask("SELECT pg_stat_statements_reset()")?;
            let done = something(on)?;
            let database = on.as_ref();
            let counted = database.ask(
                "SELECT coalesce(sum(calls), 0), coalesce(sum(calls) FILTER (WHERE query ~* '^\\s*select'), 0) \
                 FROM pg_stat_statements WHERE query !~ 'pg_stat_statements|pg_reload_conf'",
            )?;
            track(database, "none")?;
            let mut numbers = counted.trim().split('|').map(str::parse);
            let (Some(all), Some(reads)) = (numbers.next(), numbers.next()) else {
                return Err(format!("{counted:?} is no count").into());
            };
            Ok((done, Statements { all: all?, reads: reads? }))
        }
        Engine::Mariadb => {
            let before = status(on.as_ref())?;
            let done = something(on)?;
            let after = status(on.as_ref())?;
            // To read the first takes one.
            let all = after.all - before.all - 1.0;
            Ok((done, Statements { all, reads: after.reads - before.reads }))
        }
    }
}

fn track(database: &Database, what: &str) -> Result<(), Failed> {
    database.ask(&format!("ALTER SYSTEM SET pg_stat_statements.track = '{what}'"))?;
    database.ask("SELECT pg_reload_conf()")?;
    // Each connection reads it before its next statement, once the signal is there.
    std::thread::sleep(Duration::from_millis(200));
    Ok(())
}

fn status(database: &Database) -> Result<Statements, Failed> {
    let mut statements = Statements::default();
    let said = database.ask("SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions', 'Com_select')")?;
    for line in said.lines() {
        match line.split_once('\t') {
            Some(("Questions", value)) => statements.all = value.trim().parse()?,
            Some((_, value)) => statements.reads = value.trim().parse()?,
            None => {}
        }
    }
    Ok(statements)
}
