//! What the database's user must be allowed to do, asked by statements that touch no row: what is missing is found at the
//! start and not by the first request that needs it.

use std::fmt;

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr, Statement};

use super::dialect;
use super::primary::Primary;

/// A right on a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// `SELECT`.
    Select,
    /// `INSERT`.
    Insert,
    /// `UPDATE`.
    Update,
    /// `DELETE`.
    Delete,
}

use Right::{Delete, Insert, Select, Update};

const ALL: &[Right] = &[Select, Insert, Update, Delete];

/// A table, a column of it that is text, and the rights that serving needs.
pub(super) type Needs = (&'static str, &'static str, &'static [Right]);

/// What is read before the schema is brought up to date.
pub(super) const TO_LOOK: &[Needs] =
    &[("seaql_migrations", "version", &[Select]), ("meta", "name", &[Select])];

/// What serving needs. `deploy/README.md` has the same in GRANTs.
pub(super) const TO_SERVE: &[Needs] = &[
    ("seaql_migrations", "version", &[Select]),
    ("meta", "name", &[Select, Insert]),
    ("event", "writer", &[Select, Insert]),
    ("request", "tenant", &[Select, Insert, Delete]),
    ("device", "id", ALL),
    ("subject", "tenant", ALL),
    ("evidence", "tenant", ALL),
    ("client", "tenant", ALL),
    ("revocation", "tenant", ALL),
    ("secret", "tenant", ALL),
];

impl Right {
    fn as_str(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }

    /// A statement that needs this right, and changes and gives nothing.
    fn statement(self, table: &str, column: &str) -> String {
        match self {
            Self::Select => format!("SELECT {column} FROM {table} WHERE 1 = 0"),
            Self::Insert => format!("INSERT INTO {table} SELECT * FROM {table} WHERE 1 = 0"),
            Self::Update => format!("UPDATE {table} SET {column} = '' WHERE 1 = 0"),
            Self::Delete => format!("DELETE FROM {table} WHERE 1 = 0"),
        }
    }
}

/// Who asks, and where, as they are written in a GRANT.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) user: String,
    /// The schema, or on MySQL the database.
    pub(super) schema: String,
}

impl Names {
    pub(super) async fn of(db: &Primary) -> Result<Self, DbErr> {
        let is_postgres = db.backend() == DbBackend::Postgres;
        let sql = if is_postgres {
            "SELECT quote_ident(current_user), COALESCE(quote_ident(current_schema()), '')"
        } else {
            "SELECT CURRENT_USER(), COALESCE(DATABASE(), '')"
        };
        let row = db.query_one_raw(Statement::from_string(db.backend(), sql)).await?;
        let row = row.ok_or_else(|| DbErr::Custom("the database does not say who asks".to_owned()))?;
        let (user, schema): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let user = match user.rsplit_once('@').filter(|_| !is_postgres) {
            Some((name, host)) => format!("'{name}'@'{host}'"),
            None => user,
        };
        Ok(Self { user, schema })
    }
}

/// Rights that the database's user lacks.
#[derive(Debug, thiserror::Error)]
pub struct MissingRights {
    names: Names,
    missing: Vec<(&'static str, Vec<Right>)>,
}

impl fmt::Display for MissingRights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Names { user, schema } = &self.names;
        write!(
            f,
            "the database's user {user} lacks rights that serving needs; have an administrator of the database run `"
        )?;
        for (number, (table, rights)) in self.missing.iter().enumerate() {
            let rights: Vec<_> = rights.iter().map(|right| right.as_str()).collect();
            let separator = if number == 0 { "" } else { "; " };
            write!(f, "{separator}GRANT {} ON {schema}.{table} TO {user}", rights.join(", "))?;
        }
        f.write_str("`")
    }
}

/// Which of these rights the user lacks. A table that is not there is left out.
pub(super) async fn missing(db: &Primary, needs: &[Needs]) -> Result<Option<MissingRights>, DbErr> {
    let mut missing = Vec::new();
    // A file has one right, and the start has tried it.
    let needs = if db.backend() == DbBackend::Sqlite { &[] } else { needs };
    for (table, column, rights) in needs {
        let mut lacks = Vec::new();
        for right in *rights {
            // The statement that inserts reads, too, and so cannot tell. A right that is given twice does no harm.
            if *right == Insert && lacks.contains(&Select) {
                lacks.push(Insert);
                continue;
            }
            match db.execute_unprepared(&right.statement(table, column)).await {
                Err(error) if dialect::is_denied(&error) => lacks.push(*right),
                Err(error) if dialect::is_no_table(&error) => break,
                asked => {
                    asked?;
                }
            }
        }
        if !lacks.is_empty() {
            missing.push((*table, lacks));
        }
    }
    if missing.is_empty() {
        return Ok(None);
    }
    Ok(Some(MissingRights { names: Names::of(db).await?, missing }))
}

/// Reads each table that serving needs.
///
/// # Errors
/// One is not there, or cannot be read.
pub(super) async fn look_at_tables(db: &Primary) -> Result<(), DbErr> {
    for (table, column, _) in TO_SERVE {
        db.execute_unprepared(&Select.statement(table, column)).await?;
    }
    Ok(())
}
