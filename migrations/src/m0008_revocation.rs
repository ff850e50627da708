//! Sessions that were signed out. A row is kept for as long as evidence from before the sign-out could count.

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
            c.text("session", 255),
            c.moment("revoked_at"),
            c.moment("expires_at"),
        ];
        let key = ["tenant", "subject", "session"];
        manager.create_table(c.table("revocation", columns, &key, Changes::Never)).await?;
        create_index(manager, "revocation", "revocation_expires_at", over(&["expires_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new("revocation")).to_owned()).await
    }
}
