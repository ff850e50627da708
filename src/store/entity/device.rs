//! Devices of every kind.

use sea_orm::entity::prelude::*;

use crate::domain::device::{Detail, Device, Failures, Sealed, State};
use crate::domain::ids::{DeviceId, DeviceName, Subject, Tenant};
use crate::domain::kind::Kind;
use crate::domain::moment::Moment;
use crate::error::Fault;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub tenant: String,
    pub subject: String,
    pub kind: String,
    pub name: String,
    pub state: String,
    pub preferred: bool,
    pub detail: String,
    pub secret: Vec<u8>,
    pub version: i64,
    pub epoch: i64,
    pub failures: i32,
    pub failed_at: Option<i64>,
    pub created_at: i64,
    pub confirmed_at: Option<i64>,
    pub used_at: Option<i64>,
    pub expires_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// A device as it is written.
    pub fn of(device: &Device) -> Self {
        Self {
            id: device.id.as_str().to_owned(),
            tenant: device.tenant.as_str().to_owned(),
            subject: device.subject.as_str().to_owned(),
            kind: device.kind.as_str().to_owned(),
            name: device.name.as_str().to_owned(),
            state: device.state.as_str().to_owned(),
            preferred: device.preferred,
            detail: device.detail.text().to_owned(),
            secret: device.secret.0.clone(),
            version: device.version,
            epoch: device.epoch,
            failures: count(device.failures),
            failed_at: device.failures.last_at.map(Moment::micros),
            created_at: device.created_at.micros(),
            confirmed_at: device.confirmed_at.map(Moment::micros),
            used_at: device.used_at.map(Moment::micros),
            expires_at: device.expires_at.map(Moment::micros),
        }
    }

    /// The device that is written here.
    pub fn device(self) -> Result<Device, Fault> {
        let broken = |what: &'static str| Fault::internal("reading a device's row", what);
        Ok(Device {
            id: DeviceId::trusted(&self.id),
            tenant: Tenant::trusted(&self.tenant),
            subject: Subject::trusted(&self.subject),
            kind: Kind::trusted(self.kind),
            name: DeviceName::trusted(&self.name),
            state: State::from_name(&self.state)
                .ok_or_else(|| broken("its state is not known to this version"))?,
            preferred: self.preferred,
            detail: Detail::stored(self.detail),
            secret: Sealed(self.secret),
            version: self.version,
            epoch: self.epoch,
            failures: failures(self.failures, self.failed_at),
            created_at: Moment::from_micros(self.created_at),
            confirmed_at: self.confirmed_at.map(Moment::from_micros),
            used_at: self.used_at.map(Moment::from_micros),
            expires_at: self.expires_at.map(Moment::from_micros),
        })
    }
}

/// A count of failures as it is written.
pub fn count(failures: Failures) -> i32 {
    i32::try_from(failures.count).unwrap_or(i32::MAX)
}

/// Failures as they are read. A negative count can only have been written by somebody else: it is taken
/// for the worst.
pub fn failures(count: i32, last_at: Option<i64>) -> Failures {
    Failures { count: u32::try_from(count).unwrap_or(u32::MAX), last_at: last_at.map(Moment::from_micros) }
}
