//! What was answered to a request id.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use subtle::ConstantTimeEq;

use super::entity::request;
use super::{Store, dialect, seal};
use crate::crypto::keyring::Purpose;
use crate::domain::ids::{CallerName, RequestId, Tenant};
use crate::domain::secret::Secret;
use crate::error::Fault;

/// What is known of a request id.
#[derive(Debug)]
pub enum Recalled {
    /// Nothing: it is new, or long forgotten.
    Nothing,
    /// It came before, with another request.
    Another,
    /// It came before, with the same request, and got this answer.
    Answer(Secret),
}

impl Store {
    /// True if this replica has probably recorded the request id, or met its record. False says nothing.
    #[must_use]
    pub fn has_seen(&self, tenant: &Tenant, caller: &CallerName, id: &RequestId) -> bool {
        self.memory.requests.has(tenant, caller, id)
    }

    /// Recalls what was answered to that request id, if the same was asked. A record counts until it is
    /// swept, so never for less than its time.
    ///
    /// # Errors
    /// The database does not answer, or the record does not open.
    pub async fn recall(
        &self,
        tenant: &Tenant,
        caller: &CallerName,
        id: &RequestId,
        asked: &Secret,
    ) -> Result<Recalled, Fault> {
        let doing = "looking up a request id";
        let row = row(&self.reader, tenant, caller, id).await.map_err(|e| dialect::fault(doing, e))?;
        let Some(row) = row else { return Ok(Recalled::Nothing) };
        let Some(digest) = self.keyring.hash_with(&row.digest_key, Purpose::Requests, &[asked.expose()])
        else {
            return Err(Fault::internal(doing, "the key of the record is not in the key ring"));
        };
        if !bool::from(digest.as_slice().ct_eq(&row.digest)) {
            return Ok(Recalled::Another);
        }
        let answer = seal::open_answer(&self.keyring, tenant, caller, id, &row.answer)
            .map_err(|e| Fault::internal(doing, e))?;
        Ok(Recalled::Answer(answer))
    }
}

/// The record under that request id.
pub(super) async fn row(
    db: &impl ConnectionTrait,
    tenant: &Tenant,
    caller: &CallerName,
    id: &RequestId,
) -> Result<Option<request::Model>, DbErr> {
    let found = request::Entity::find()
        .filter(request::Column::Tenant.eq(tenant.as_str()))
        .filter(request::Column::Caller.eq(caller.as_str()))
        .filter(request::Column::Id.eq(id.bytes().to_vec()))
        .all(db)
        .await?;
    Ok(found.into_iter().next())
}
