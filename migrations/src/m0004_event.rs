//! The audit log: a chain for each writer, a link for each group of events that was committed together.

use sea_orm_migration::prelude::*;

use crate::columns::{Changes, Columns};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let columns = vec![
            c.text("writer", 32),
            c.long("link"),
            c.int("place"),
            c.text("tenant", 63),
            c.moment("at"),
            c.text("what", 32),
            c.text("subject", 255),
            c.text("device", 32),
            c.text("caller", 63),
            c.document("details"),
            c.text("mac_key", 32),
            c.bytes("previous"),
            c.bytes("mac"),
        ];
        // A writer's events lie side by side, at the end of what it wrote before.
        manager.create_table(c.table("event", columns, &["writer", "link", "place"], Changes::Never)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new("event")).to_owned()).await
    }
}
