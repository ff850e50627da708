//! Rows whose time has run out.

use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::{client, device, evidence, request, subject};
use super::{Store, dialect};
use crate::domain::device::Device;
use crate::domain::moment::Moment;
use crate::error::Fault;

/// Rows that are forgotten in one statement, or a few more.
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
            .map_err(|e| dialect::fault("looking for expired devices", e))?;
        rows.into_iter().map(device::Model::device).collect()
    }

    /// Forgets request records whose time has run out. Gives their number.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn forget_requests(&self, now: Moment) -> Result<u64, Fault> {
        self.forget::<request::Entity>(request::Column::ExpiresAt, now, "forgetting requests").await
    }

    /// Forgets evidence whose time has run out. Gives how much it was.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn forget_evidence(&self, now: Moment) -> Result<u64, Fault> {
        self.forget::<evidence::Entity>(evidence::Column::ExpiresAt, now, "forgetting evidence").await
    }

    /// Forgets clients whose time has run out. Gives their number.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn forget_clients(&self, now: Moment) -> Result<u64, Fault> {
        self.forget::<client::Entity>(client::Column::ExpiresAt, now, "forgetting clients").await
    }

    /// Forgets rows of a table that have expired, those first that have for longest.
    pub(super) async fn forget<E: EntityTrait>(
        &self,
        expires_at: E::Column,
        now: Moment,
        doing: &'static str,
    ) -> Result<u64, Fault> {
        let fault = |e| dialect::fault(doing, e);
        let mut forgotten = 0;
        loop {
            // Not all in one statement, which may not take for ever and holds up others.
            let later = E::find()
                .select_only()
                .column(expires_at)
                .filter(expires_at.lte(now.micros()))
                .order_by_asc(expires_at)
                .offset(ROUND)
                .limit(1)
                .into_tuple::<i64>()
                .all(&self.reader)
                .await
                .map_err(fault)?;
            let until = later.first().copied().unwrap_or(now.micros());
            let done =
                E::delete_many().filter(expires_at.lte(until)).exec(&self.sweeper).await.map_err(fault)?;
            forgotten += done.rows_affected;
            if later.is_empty() {
                return Ok(forgotten);
            }
        }
    }

    /// Forgets subjects of whom nothing is kept but failures, the last of them, or the loss of the last device,
    /// before that moment. Gives their number.
    ///
    /// Who was signed out, had a device or was granted a grace is not forgotten: evidence of an epoch that is
    /// forgotten would count again, and a grace that is forgotten would begin anew.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn forget_strangers(&self, before: Moment) -> Result<u64, Fault> {
        let outer = |column: &'static str| Expr::col((Alias::new("subject"), Alias::new(column)));
        let none_in = |table: &'static str| {
            let own = |column: &'static str| Expr::col((Alias::new(table), Alias::new(column)));
            let rows = Query::select()
                .expr(Expr::val(1))
                .from(Alias::new(table))
                .and_where(own("tenant").eq(outer("tenant")))
                .and_where(own("subject").eq(outer("subject")))
                .to_owned();
            Expr::exists(rows).not()
        };
        let delete = Query::delete()
            .from_table(subject::Entity)
            .and_where(Expr::col(subject::Column::FailedAt).lt(before.micros()))
            .and_where(Expr::col(subject::Column::Epoch).eq(0))
            .and_where(Expr::col(subject::Column::EnrolledAt).is_null())
            .and_where(Expr::col(subject::Column::GracedAt).is_null())
            .and_where(none_in("device"))
            .and_where(none_in("evidence"))
            .and_where(none_in("client"))
            .to_owned();
        let done =
            self.sweeper.execute(&delete).await.map_err(|e| dialect::fault("forgetting strangers", e))?;
        Ok(done.rows_affected())
    }
}
