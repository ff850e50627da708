//! Subjects: the failures of attempts that named no device, and what ends or spares their evidence.

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
            c.long("version"),
            c.int("failures"),
            c.moment_or_null("failed_at"),
            c.long("epoch"),
            c.moment_or_null("enrolled_at"),
            c.moment_or_null("graced_at"),
            c.text("opened_session", 255),
            c.moment_or_null("opened_at"),
            c.moment_or_null("signed_out_at"),
        ];
        manager.create_table(c.table("subject", columns, &["tenant", "subject"], Changes::InPlace)).await?;
        create_index(manager, "subject", "subject_failed_at", over(&["failed_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new("subject")).to_owned()).await
    }
}
