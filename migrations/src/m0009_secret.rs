//! Secrets that subjects have or had, known by keyed fingerprints: a code is used up for its secret, whichever device
//! has it.

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
            // Empty: the device that had it was removed.
            c.text("device", 32),
            c.text("kind", 32),
            // The state of the last device that had it before. Empty: none had.
            c.document("detail"),
        ];
        // A subject's secrets lie side by side.
        let key = ["tenant", "subject", "digest"];
        manager.create_table(c.table("secret", columns, &key, Changes::Never)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new("secret")).to_owned()).await
    }
}
