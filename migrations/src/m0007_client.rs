//! Remembered clients: browsers and apps in which evidence is found again.

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
            // 64 characters of at most 4 bytes.
            c.text("name", 256),
            c.key_bytes("token_hash", 32),
            c.moment("created_at"),
            c.moment("seen_at"),
            c.moment("expires_at"),
        ];
        let key = ["tenant", "subject", "id"];
        manager.create_table(c.table("client", columns, &key, Changes::InPlace)).await?;
        create_index(manager, "client", "client_expires_at", over(&["expires_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new("client")).to_owned()).await
    }
}
