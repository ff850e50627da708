//! Columns that mean the same on every database.
//!
//! Text is compared byte by byte everywhere. MariaDB's and MySQL's character sets compare by collations
//! that fold case or ignore trailing spaces, so text is VARBINARY there.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

/// A column's builder for one database.
pub(crate) struct Columns(DatabaseBackend);

impl Columns {
    /// For the database that is migrated.
    pub(crate) fn of(manager: &SchemaManager<'_>) -> Self {
        Self(manager.get_database_backend())
    }

    /// Text of at most that many bytes, compared by bytes.
    pub(crate) fn text(&self, name: &'static str, max: u32) -> ColumnDef {
        let mut column = ColumnDef::new(Alias::new(name));
        match self.0 {
            DatabaseBackend::MySql => column.var_binary(max),
            // Whatever the database's own collation: by bytes, and so without asking a locale for each step
            // down an index.
            DatabaseBackend::Postgres => column.custom(Alias::new("text COLLATE \"C\"")),
            _ => column.text(),
        };
        column.not_null().take()
    }

    /// Text of any length, never compared.
    pub(crate) fn document(&self, name: &'static str) -> ColumnDef {
        self.document_or_null(name).not_null().take()
    }

    /// Text of any length, never compared, that may be absent.
    pub(crate) fn document_or_null(&self, name: &'static str) -> ColumnDef {
        let mut column = ColumnDef::new(Alias::new(name));
        match self.0 {
            DatabaseBackend::MySql => column.custom(Alias::new("mediumblob")),
            _ => column.text(),
        };
        column
    }

    /// Bytes of any length.
    pub(crate) fn bytes(&self, name: &'static str) -> ColumnDef {
        let mut column = ColumnDef::new(Alias::new(name));
        match self.0 {
            DatabaseBackend::MySql => column.custom(Alias::new("mediumblob")),
            _ => column.blob(),
        };
        column.not_null().take()
    }

    /// Bytes of at most that many, to be compared.
    pub(crate) fn key_bytes(&self, name: &'static str, max: u32) -> ColumnDef {
        let mut column = ColumnDef::new(Alias::new(name));
        match self.0 {
            DatabaseBackend::MySql => column.var_binary(max),
            _ => column.blob(),
        };
        column.not_null().take()
    }

    /// A 64-bit number.
    pub(crate) fn long(&self, name: &'static str) -> ColumnDef {
        ColumnDef::new(Alias::new(name)).big_integer().not_null().take()
    }

    /// A moment: microseconds since the epoch.
    pub(crate) fn moment(&self, name: &'static str) -> ColumnDef {
        self.long(name)
    }

    /// A moment that may be absent.
    pub(crate) fn moment_or_null(&self, name: &'static str) -> ColumnDef {
        ColumnDef::new(Alias::new(name)).big_integer().null().take()
    }

    /// A 32-bit number.
    pub(crate) fn int(&self, name: &'static str) -> ColumnDef {
        ColumnDef::new(Alias::new(name)).integer().not_null().take()
    }

    /// Yes or no.
    pub(crate) fn flag(&self, name: &'static str) -> ColumnDef {
        ColumnDef::new(Alias::new(name)).boolean().not_null().take()
    }

    /// A table with these columns and this primary key.
    ///
    /// On SQLite the rows lie in the primary key's own tree: one tree to write instead of two. On
    /// PostgreSQL a table whose rows change in place leaves room on each page for their next version.
    pub(crate) fn table(
        &self,
        name: &'static str,
        columns: Vec<ColumnDef>,
        key: &[&'static str],
        changes: Changes,
    ) -> TableCreateStatement {
        let mut table = Table::create();
        table.table(Alias::new(name)).if_not_exists();
        for mut column in columns {
            table.col(&mut column);
        }
        let mut primary = Index::create();
        for column in key {
            primary.col(Alias::new(*column));
        }
        table.primary_key(&mut primary);
        match (self.0, changes) {
            (DatabaseBackend::Sqlite, _) => table.extra("WITHOUT ROWID"),
            (DatabaseBackend::Postgres, Changes::InPlace) => table.extra("WITH (fillfactor = 80)"),
            // Whatever a server takes by default: only this engine has transactions.
            (DatabaseBackend::MySql, _) => table.engine("InnoDB"),
            _ => &mut table,
        };
        table
    }
}

/// What happens to a table's rows.
#[derive(Clone, Copy)]
pub(crate) enum Changes {
    /// They are updated again and again.
    InPlace,
    /// They are written once.
    Never,
}

/// Makes an index by that name, unless it is there: a migration that broke off can be run again. MySQL
/// cannot be told "if it is not there", so it is asked first.
pub(crate) async fn create_index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    name: &'static str,
    mut index: IndexCreateStatement,
) -> Result<(), DbErr> {
    if manager.get_database_backend() == DatabaseBackend::MySql && manager.has_index(table, name).await? {
        return Ok(());
    }
    index.name(name).table(Alias::new(table)).if_not_exists();
    manager.create_index(index).await
}

/// An index over these columns.
pub(crate) fn over(columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    for column in columns {
        index.col(Alias::new(*column));
    }
    index
}
