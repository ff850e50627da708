//! Databases in which no schema of ours should be made: another encoding would lose or refuse what users are called, and
//! without a schema there is no place for tables.

use std::fmt;

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr, Statement};

use super::rights::Names;
use super::{Database, dialect};
use crate::error::Fault;

/// Why a database does not suit.
#[derive(Debug, thiserror::Error)]
pub enum Unsuited {
    /// PostgreSQL: texts in it are not UTF-8.
    Encoding {
        /// Its encoding.
        encoding: String,
    },
    /// PostgreSQL: no schema of the search path may be used.
    NoSchema {
        /// The user.
        user: String,
        /// The schemas that are looked at.
        path: String,
    },
}

impl fmt::Display for Unsuited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding { encoding } => write!(
                f,
                "the database's encoding is {encoding}, and must be UTF8: create a database with `CREATE DATABASE … \
                 ENCODING 'UTF8' TEMPLATE template0`, and name it in database_url"
            ),
            Self::NoSchema { user, path } => write!(
                f,
                "the database's user {user} may use no schema of its search_path ({path}); have the owner run `GRANT \
                 USAGE ON SCHEMA public TO {user}`, or set another search_path with ALTER ROLE"
            ),
        }
    }
}

impl Database {
    /// Whether the database does not suit, whatever is in it.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn unsuited(&self) -> Result<Option<Unsuited>, Fault> {
        // MySQL: each column has its own character set, and ours are bytes.
        if self.writer.backend() != DbBackend::Postgres {
            return Ok(None);
        }
        self.unsuited_postgres().await.map_err(|e| dialect::fault("asking the database what it is", e))
    }

    async fn unsuited_postgres(&self) -> Result<Option<Unsuited>, DbErr> {
        let sql = "SELECT current_setting('server_encoding'), current_setting('search_path'), \
                   current_schema() IS NULL";
        let row = self.writer.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
        let Some(row) = row else { return Ok(None) };
        let encoding: String = row.try_get_by_index(0)?;
        if encoding != "UTF8" {
            return Ok(Some(Unsuited::Encoding { encoding }));
        }
        if row.try_get_by_index(2)? {
            let user = Names::of(&self.writer).await?.user;
            return Ok(Some(Unsuited::NoSchema { user, path: row.try_get_by_index(1)? }));
        }
        Ok(None)
    }
}
