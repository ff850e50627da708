//! Sessions that were signed out. `RecordEvidence` with a time of proof and the next sign-out of the session read them;
//! a verification does not.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::entity::revocation::{Column, Entity};
use super::{Store, dialect};
use crate::domain::ids::{SessionId, Subject, Tenant};
use crate::domain::moment::Moment;
use crate::error::Fault;

impl Store {
    /// The last sign-out of a session of a subject, if it is still kept.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn session_revoked_at(
        &self,
        tenant: &Tenant,
        subject: &Subject,
        session: &SessionId,
    ) -> Result<Option<Moment>, Fault> {
        let found = Entity::find()
            .filter(Column::Tenant.eq(tenant.as_str()))
            .filter(Column::Subject.eq(subject.as_str()))
            .filter(Column::Session.eq(session.as_str()))
            .all(&self.reader)
            .await
            .map_err(|e| dialect::fault("reading a revocation", e))?;
        Ok(found.first().map(|row| Moment::from_micros(row.revoked_at)))
    }

    /// Removes sign-outs from before which no evidence can count any more. Returns their number.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn forget_revocations(&self, now: Moment) -> Result<u64, Fault> {
        self.forget::<Entity>(Column::ExpiresAt, now, "forgetting revocations").await
    }
}
