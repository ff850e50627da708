//! Events, chained.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub writer: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub link: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub place: i32,
    pub tenant: String,
    pub at: i64,
    pub what: String,
    pub subject: String,
    pub device: String,
    pub caller: String,
    pub details: String,
    pub mac_key: String,
    pub previous: Vec<u8>,
    pub mac: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
