//! Subjects.

use sea_orm::entity::prelude::*;

use super::device;
use crate::domain::device::{Opening, SubjectState};
use crate::domain::ids::{SessionId, Subject, Tenant};
use crate::domain::moment::Moment;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "subject")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    pub version: i64,
    pub failures: i32,
    pub failed_at: Option<i64>,
    pub epoch: i64,
    pub enrolled_at: Option<i64>,
    pub graced_at: Option<i64>,
    pub opened_session: String,
    pub opened_at: Option<i64>,
    pub signed_out_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// A subject as it is written.
    pub fn of(tenant: &Tenant, subject: &Subject, state: &SubjectState) -> Self {
        let opening = state.opening.as_ref();
        Self {
            tenant: tenant.as_str().to_owned(),
            subject: subject.as_str().to_owned(),
            version: state.version,
            failures: device::count(state.failures),
            failed_at: state.failures.last_at.map(Moment::micros),
            epoch: state.epoch,
            enrolled_at: state.enrolled_at.map(Moment::micros),
            graced_at: state.graced_at.map(Moment::micros),
            opened_session: opening.map_or(String::new(), |opening| opening.session.as_str().to_owned()),
            opened_at: opening.map(|opening| opening.at.micros()),
            signed_out_at: state.signed_out_at.map(Moment::micros),
        }
    }

    /// What is kept of the subject that is written here.
    pub fn state(&self) -> SubjectState {
        SubjectState {
            version: self.version,
            failures: device::failures(self.failures, self.failed_at),
            epoch: self.epoch,
            enrolled_at: self.enrolled_at.map(Moment::from_micros),
            graced_at: self.graced_at.map(Moment::from_micros),
            opening: self.opened_at.map(|at| Opening {
                session: SessionId::trusted(&self.opened_session),
                at: Moment::from_micros(at),
            }),
            signed_out_at: self.signed_out_at.map(Moment::from_micros),
        }
    }
}
