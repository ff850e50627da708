//! Devices of every kind.

use sea_orm_migration::prelude::*;

use crate::columns::{Changes, Columns, create_index, over};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let columns = vec![
            c.text("id", 32),
            c.text("tenant", 63),
            c.text("subject", 255),
            c.text("kind", 32),
            // 64 characters of at most 4 bytes.
            c.text("name", 256),
            c.text("state", 16),
            c.flag("preferred"),
            c.document("detail"),
            c.bytes("secret"),
            c.long("version"),
            c.long("epoch"),
            c.int("failures"),
            c.moment_or_null("failed_at"),
            c.moment("created_at"),
            c.moment_or_null("confirmed_at"),
            c.moment_or_null("used_at"),
            c.moment_or_null("expires_at"),
        ];
        manager.create_table(c.table("device", columns, &["id"], Changes::InPlace)).await?;
        let names = over(&["tenant", "subject", "name"]).unique().to_owned();
        create_index(manager, "device", "device_subject_name", names).await?;
        create_index(manager, "device", "device_expires_at", over(&["expires_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new("device")).to_owned()).await
    }
}
