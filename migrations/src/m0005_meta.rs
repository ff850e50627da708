//! What is known of the database as a whole: the check value of the key ring.

use sea_orm_migration::prelude::*;

use crate::columns::{Changes, Columns};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let columns = vec![c.text("name", 64), c.bytes("value")];
        manager.create_table(c.table("meta", columns, &["name"], Changes::InPlace)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new("meta")).to_owned()).await
    }
}
