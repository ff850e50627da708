//! The sorts of databases, and which of them are wanted.

use std::io::Write as _;

use crate::Failed;

/// A sort of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// A file.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
    /// A MariaDB server.
    #[value(name = "mariadb")]
    MySql,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::MySql];

    /// Its name in `COUNTERSIGN_TEST_DATABASES` and in URLs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
        }
    }

    /// How many processes share one in a trial. A SQLite database belongs to one process.
    #[must_use]
    pub fn processes(self) -> usize {
        match self {
            Self::Sqlite => 1,
            Self::Postgres | Self::MySql => 3,
        }
    }

    /// Whether tests of it are left out; then this test says so.
    ///
    /// # Errors
    /// `COUNTERSIGN_TEST_DATABASES` holds something else.
    pub fn is_left_out(self) -> Result<bool, Failed> {
        if self.is_wanted()? {
            return Ok(false);
        }
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        // Past the test runner, which would keep it to itself.
        let line = format!("left out, as COUNTERSIGN_TEST_DATABASES says: {name}\n");
        std::io::stderr().write_all(line.as_bytes())?;
        Ok(true)
    }

    fn is_wanted(self) -> Result<bool, Failed> {
        let Some(wanted) = setting("COUNTERSIGN_TEST_DATABASES") else { return Ok(true) };
        let wanted: Vec<&str> = wanted.split(',').map(str::trim).collect();
        match wanted.iter().find(|name| Self::ALL.iter().all(|engine| engine.name() != **name)) {
            Some(name) => {
                Err(format!("COUNTERSIGN_TEST_DATABASES holds {name:?}; it takes sqlite, postgres and mysql")
                    .into())
            }
            None => Ok(wanted.contains(&self.name())),
        }
    }

    /// The server on which tests make databases.
    ///
    /// # Errors
    /// Nobody named one.
    pub fn server(self) -> Result<String, Failed> {
        let name = match self {
            Self::Sqlite => return Err("SQLite has no server".into()),
            Self::Postgres => "COUNTERSIGN_TEST_POSTGRES_URL",
            Self::MySql => "COUNTERSIGN_TEST_MYSQL_URL",
        };
        setting(name).ok_or_else(|| {
            format!(
                "{name} is not set: name a server in which this test can make a database, or leave its tests \
                 out with COUNTERSIGN_TEST_DATABASES=sqlite"
            )
            .into()
        })
    }
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
