//! Subjects.

use std::collections::BTreeMap;

use sea_orm::entity::prelude::*;

use super::device;
use crate::domain::device::{Opening, SubjectState};
use crate::domain::ids::{DeviceId, SessionId, Subject, Tenant};
use crate::domain::moment::Moment;
use crate::error::Fault;

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
    /// `SubjectState::forgiven` as JSON: device id to count. NULL: no device.
    pub forgiven: Option<String>,
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
            forgiven: forgiven_text(&state.forgiven),
        }
    }

    /// What is kept of the subject that is written here.
    pub fn state(&self) -> Result<SubjectState, Fault> {
        Ok(SubjectState {
            version: self.version,
            failures: device::failures(self.failures, self.failed_at),
            forgiven: self.forgiven.as_deref().map_or(Ok(BTreeMap::new()), forgiven)?,
            epoch: self.epoch,
            enrolled_at: self.enrolled_at.map(Moment::from_micros),
            graced_at: self.graced_at.map(Moment::from_micros),
            opening: self.opened_at.map(|at| Opening {
                session: SessionId::trusted(&self.opened_session),
                at: Moment::from_micros(at),
            }),
            signed_out_at: self.signed_out_at.map(Moment::from_micros),
        })
    }
}

fn forgiven_text(forgiven: &BTreeMap<DeviceId, u32>) -> Option<String> {
    let counts = forgiven.iter().map(|(device, count)| (device.as_str().to_owned(), (*count).into()));
    (!forgiven.is_empty()).then(|| serde_json::Value::Object(counts.collect()).to_string())
}

fn forgiven(text: &str) -> Result<BTreeMap<DeviceId, u32>, Fault> {
    let counts: BTreeMap<String, u32> =
        serde_json::from_str(text).map_err(|e| Fault::internal("reading a subject's row", e))?;
    Ok(counts.into_iter().map(|(device, count)| (DeviceId::trusted(&device), count)).collect())
}
