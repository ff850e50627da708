//! Rows whose time has run out.

use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::Store;
use super::entity::{device, request, subject};
use crate::domain::device::Device;
use crate::domain::moment::Moment;
use crate::error::Fault;

/// Request records that are forgotten in one statement, or a few more.
const ROUND: u64 = 5000;

impl Store {
    /// Pending devices that were not confirmed in time, some of them.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn expired_devices(&self, now: Moment, most: u64) -> Result<Vec<Device>, Fault> {
        let rows = device::Entity::find()
            .filter(device::Column::ExpiresAt.lte(now.micros()))
            .limit(most)
            .all(&self.reader)
            .await
            .map_err(|e| Fault::store("looking for expired devices", e))?;
        rows.into_iter().map(device::Model::device).collect()
    }

    /// Forgets request records whose time has run out. Gives their number.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn forget_requests(&self, now: Moment) -> Result<u64, Fault> {
        let fault = |e| Fault::store("forgetting requests", e);
        let mut forgotten = 0;
        loop {
            // Not all in one statement, which may not take for ever and holds up others.
            let later = request::Entity::find()
                .select_only()
                .column(request::Column::ExpiresAt)
                .filter(request::Column::ExpiresAt.lte(now.micros()))
                .order_by_asc(request::Column::ExpiresAt)
                .offset(ROUND)
                .limit(1)
                .into_tuple::<i64>()
                .all(&self.reader)
                .await
                .map_err(fault)?;
            let until = later.first().copied().unwrap_or(now.micros());
            let done = request::Entity::delete_many()
                .filter(request::Column::ExpiresAt.lte(until))
                .exec(&self.sweeper)
                .await
                .map_err(fault)?;
            forgotten += done.rows_affected;
            if later.is_empty() {
                return Ok(forgotten);
            }
        }
    }

    /// Forgets subjects that have no device, and whose last failure, or the loss of the last device, was
    /// before that moment. Gives their number.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn forget_strangers(&self, before: Moment) -> Result<u64, Fault> {
        let outer = |column: &'static str| Expr::col((Alias::new("subject"), Alias::new(column)));
        let devices = Query::select()
            .expr(Expr::val(1))
            .from(device::Entity)
            .and_where(Expr::col((device::Entity, device::Column::Tenant)).eq(outer("tenant")))
            .and_where(Expr::col((device::Entity, device::Column::Subject)).eq(outer("subject")))
            .to_owned();
        let delete = Query::delete()
            .from_table(subject::Entity)
            .and_where(Expr::col(subject::Column::FailedAt).lt(before.micros()))
            .and_where(Expr::exists(devices).not())
            .to_owned();
        let done =
            self.sweeper.execute(&delete).await.map_err(|e| Fault::store("forgetting strangers", e))?;
        Ok(done.rows_affected())
    }
}
