use sea_orm::ConnectionTrait as _;

use super::*;
use crate::domain::secret::SecretText;
use crate::store::Options;

/// The connections of a SQLite database are made here, durable; what is checked is what they really are.
#[tokio::test]
async fn a_connection_to_sqlite_that_is_not_durable_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("test.db").display());
    let database = Database::connect(&Options::of(SecretText::new(url))).await.unwrap();
    assert_eq!(database.weaknesses().await.unwrap(), []);
    // The log's mode changes only where nobody else has the file.
    database.reader.clone().close().await.unwrap();
    for (pragma, says) in [
        (
            "synchronous = NORMAL",
            "the database's synchronous is 1, so that used codes come back after a crash; set it to FULL",
        ),
        (
            "synchronous = OFF",
            "the database's synchronous is 0, so that used codes come back after a crash; set it to FULL",
        ),
        (
            "journal_mode = MEMORY",
            "the database's journal_mode is memory, so that used codes come back after a crash; set it to WAL",
        ),
    ] {
        database.writer.execute_unprepared(&format!("PRAGMA {pragma}")).await.unwrap();
        let found = database.weaknesses().await.unwrap();
        assert!(found.iter().any(|weakness| weakness.to_string() == says), "{pragma}: {found:?}");
    }
    database.writer.execute_unprepared("PRAGMA synchronous = EXTRA").await.unwrap();
    assert_eq!(database.weaknesses().await.unwrap().len(), 1);
}
