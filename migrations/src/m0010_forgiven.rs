//! Failures without a device id that no longer delay a device: for each device of a subject that accepted a proof without
//! an id, the subject's count of failures at that moment.

use sea_orm_migration::prelude::*;

use crate::columns::Columns;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Not every database can be told "if it is not there".
        if manager.has_column("subject", "forgiven").await? {
            return Ok(());
        }
        let mut column = Columns::of(manager).document_or_null("forgiven");
        manager
            .alter_table(Table::alter().table(Alias::new("subject")).add_column(&mut column).to_owned())
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let subject =
            Table::alter().table(Alias::new("subject")).drop_column(Alias::new("forgiven")).to_owned();
        manager.alter_table(subject).await
    }
}
