//! Evidence: what subjects have proved, then and there.

use sea_orm_migration::prelude::*;

use crate::columns::{Changes, Columns, create_index, over};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let columns = vec![
            c.text("tenant", 63),
            c.text("subject", 255),
            c.text("id", 32),
            c.text("method", 63),
            // Empty: it was proved elsewhere.
            c.text("device", 32),
            c.moment("verified_at"),
            c.moment("expires_at"),
            c.text("scope", 16),
            // Empty: none.
            c.text("session", 255),
            c.text("client", 32),
            c.key_bytes("digest", 32),
            c.long("epoch"),
            c.document("strength"),
            c.text("source", 255),
            c.moment_or_null("revoked_at"),
            c.moment_or_null("spent_at"),
        ];
        // A subject's evidence lies side by side.
        let key = ["tenant", "subject", "id"];
        manager.create_table(c.table("evidence", columns, &key, Changes::Never)).await?;
        create_index(manager, "evidence", "evidence_expires_at", over(&["expires_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new("evidence")).to_owned()).await
    }
}
