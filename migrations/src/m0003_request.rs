//! Request records: what was answered to a request id, so that a retry gets the same.

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
            c.text("caller", 63),
            c.key_bytes("id", 16),
            c.text("digest_key", 32),
            c.bytes("digest"),
            c.bytes("answer"),
            c.moment("expires_at"),
        ];
        manager
            .create_table(c.table("request", columns, &["tenant", "caller", "id"], Changes::Never))
            .await?;
        create_index(manager, "request", "request_expires_at", over(&["expires_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new("request")).to_owned()).await
    }
}
