//! Errors that do not go away by themselves: somebody has to do something to the database first.

use sea_orm::{DbErr, sqlx};

use super::sqlx_error;

/// The code of an error, as its database has it.
enum Code {
    /// A primary result code.
    Sqlite(u32),
    /// A SQLSTATE.
    Postgres(String),
    /// A number.
    MySql(u16),
}

impl Code {
    fn of(error: &DbErr) -> Option<Self> {
        Self::of_sqlx(sqlx_error(error)?)
    }

    fn of_sqlx(error: &sqlx::Error) -> Option<Self> {
        let sqlx::Error::Database(error) = error else { return None };
        if let Some(mysql) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
            return Some(Self::MySql(mysql.number()));
        }
        let code = error.code()?;
        if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
            // The primary result code is the low byte of the extended one.
            return code.parse::<u32>().ok().map(|code| Self::Sqlite(code & 0xff));
        }
        Some(Self::Postgres(code.into_owned()))
    }
}

/// Whether trying again cannot help: a right, a table or a column is missing, the database is not the one that it was, or
/// it cannot hold what it is given.
pub(in crate::store) fn is_lasting(error: &DbErr) -> bool {
    match Code::of(error) {
        None => matches!(
            sqlx_error(error),
            Some(
                sqlx::Error::ColumnNotFound(_)
                    | sqlx::Error::ColumnDecode { .. }
                    | sqlx::Error::Decode(_)
                    | sqlx::Error::Encode(_)
                    | sqlx::Error::TypeNotFound { .. }
            )
        ),
        // No such table or column; a file that cannot be written, is damaged, or is no database.
        Some(Code::Sqlite(code)) => matches!(code, 1 | 8 | 11 | 26),
        // 28 the password or the user, 3D the database, 3F the schema, 42 a right, a table, a column, a statement; 22021
        // and 22P05 a character that the encoding has not.
        Some(Code::Postgres(code)) => {
            matches!(code.get(..2), Some("28" | "3D" | "3F" | "42"))
                || matches!(code.as_str(), "22021" | "22P05")
        }
        // 1044, 1045, 1698 the user or the password, 1049 the database, 1142, 1143, 1227 a right, 1146 a table, 1054 a
        // column, 1064 a statement, 1136, 1364 the columns of a row, 1366 a character that the encoding has not.
        Some(Code::MySql(number)) => matches!(
            number,
            1044 | 1045 | 1049 | 1054 | 1064 | 1136 | 1142 | 1143 | 1146 | 1227 | 1364 | 1366 | 1698
        ),
    }
}

/// Whether the user lacks a right.
pub(in crate::store) fn is_denied(error: &DbErr) -> bool {
    sqlx_error(error).is_some_and(is_denied_by)
}

/// The same of an error of the driver.
pub(in crate::store) fn is_denied_by(error: &sqlx::Error) -> bool {
    match Code::of_sqlx(error) {
        Some(Code::Postgres(code)) => code == "42501",
        Some(Code::MySql(number)) => matches!(number, 1044 | 1142 | 1143 | 1227),
        Some(Code::Sqlite(_)) | None => false,
    }
}

/// Whether there is no such table.
pub(in crate::store) fn is_no_table(error: &DbErr) -> bool {
    match Code::of(error) {
        Some(Code::Postgres(code)) => code == "42P01",
        Some(Code::MySql(number)) => number == 1146,
        Some(Code::Sqlite(_)) | None => false,
    }
}

/// Whether there is no room to write.
pub(in crate::store) fn is_full(error: &DbErr) -> bool {
    match Code::of(error) {
        Some(Code::Sqlite(code)) => code == 13,
        Some(Code::Postgres(code)) => code == "53100",
        // A full disk, a file or a table that cannot grow, a write that failed.
        Some(Code::MySql(number)) => matches!(number, 1021 | 1114 | 3 | 1026 | 1030),
        None => false,
    }
}
