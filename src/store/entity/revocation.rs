//! Sessions that were signed out.

use sea_orm::entity::prelude::*;

use super::super::commit::SessionRevocation;
use crate::domain::ids::{Subject, Tenant};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "revocation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub session: String,
    pub revoked_at: i64,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// A revocation as it is written.
    pub fn of(tenant: &Tenant, subject: &Subject, revocation: &SessionRevocation) -> Self {
        Self {
            tenant: tenant.as_str().to_owned(),
            subject: subject.as_str().to_owned(),
            session: revocation.session.as_str().to_owned(),
            revoked_at: revocation.revoked_at.micros(),
            expires_at: revocation.expires_at.micros(),
        }
    }
}
