//! Keyed fingerprints of secrets that subjects have or had. A used code stays used for its secret, whichever device has
//! the secret.

use sea_orm_migration::prelude::*;

use crate::columns::{Changes, Columns};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let columns = vec![
            c.text("tenant", 63),
            c.text("subject", 255),
            c.key_bytes("digest", 32),
            c.text("digest_key", 32),
            // The device that has the secret. Empty: it was removed.
            c.text("device", 32),
            c.text("kind", 32),
            // The state of the last confirmed device that had the secret and was removed. Empty: none was.
            c.document("detail"),
        ];
        // In this order, the secrets of a subject are one range of the key.
        let key = ["tenant", "subject", "digest"];
        manager.create_table(c.table("secret", columns, &key, Changes::Never)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new("secret")).to_owned()).await
    }
}
