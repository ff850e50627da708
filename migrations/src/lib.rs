//! The schema of Countersign: one concern a file, frozen once released.
//!
//! Releases expand, then contract: the code of release N runs on the schema of N and of N + 1. A program takes a schema
//! with migrations that it does not know, unless one of them says otherwise in its name: `m0012_drop_forgiven_from_m0011`
//! is for programs that know `m0011`. A migration that drops, renames or narrows anything has such a name.

mod columns;
mod m0001_device;
mod m0002_subject;
mod m0003_request;
mod m0004_event;
mod m0005_meta;
mod m0006_evidence;
mod m0007_client;
mod m0008_revocation;
mod m0009_secret;
mod m0010_forgiven;

use sea_orm_migration::{MigrationTrait, async_trait};
pub use sea_orm_migration::{MigratorTrait, SchemaManager};

/// Every migration, in order.
#[derive(Debug, Clone, Copy)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_device::Migration),
            Box::new(m0002_subject::Migration),
            Box::new(m0003_request::Migration),
            Box::new(m0004_event::Migration),
            Box::new(m0005_meta::Migration),
            Box::new(m0006_evidence::Migration),
            Box::new(m0007_client::Migration),
            Box::new(m0008_revocation::Migration),
            Box::new(m0009_secret::Migration),
            Box::new(m0010_forgiven::Migration),
        ]
    }
}
