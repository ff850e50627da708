//! Fingerprints of secrets, written together with the device, so that no code that adds or removes one can forget them.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, ExprTrait as _, IntoActiveModel,
    QueryFilter,
};

use super::super::commit::{Commit, Outcome};
use super::super::entity::secret::{Column, Entity, Model};
use super::super::fingerprint::{self, Factor};
use super::cold::{one, unless_duplicate};
use super::{Stop, Writer};
use crate::domain::device::{Device, State};

impl Writer {
    /// Notes that a device has a secret. Stale if another device of its subject has it.
    pub(super) async fn hold(
        &self,
        tx: &DatabaseTransaction,
        device: &Device,
        factor: &Factor,
    ) -> Result<(), Stop> {
        let Device { tenant, subject, .. } = device;
        let fingerprints = factor.fingerprints(&self.keyring, tenant, subject);
        let rows = fingerprint::rows(tx, tenant, subject, &fingerprints).await?;
        if rows.iter().any(|row| !row.device.is_empty()) {
            return Err(Stop::This(Outcome::Stale));
        }
        if !rows.is_empty() {
            for row in rows {
                let update = Entity::update_many()
                    .col_expr(Column::Device, Expr::value(device.id.as_str()))
                    .filter(Column::Tenant.eq(row.tenant))
                    .filter(Column::Subject.eq(row.subject))
                    .filter(Column::Digest.eq(row.digest))
                    .filter(Column::Device.eq(""));
                one(update.exec(tx).await?.rows_affected)?;
            }
            return Ok(());
        }
        let Some(print) = fingerprints.into_iter().next() else { return Ok(()) };
        let row = Model {
            tenant: tenant.as_str().to_owned(),
            subject: subject.as_str().to_owned(),
            digest: print.hash.to_vec(),
            digest_key: print.key,
            device: device.id.as_str().to_owned(),
            kind: device.kind.as_str().to_owned(),
            detail: String::new(),
        };
        Entity::insert(row.into_active_model())
            .exec_without_returning(tx)
            .await
            .map_err(|e| unless_duplicate(e, Outcome::Stale))?;
        Ok(())
    }
}

/// Notes for its secrets what a removed device has used up. A pending device has accepted nothing, so a secret that no
/// other device had before it is forgotten.
pub(super) async fn release(tx: &DatabaseTransaction, commit: &Commit, device: &Device) -> Result<(), DbErr> {
    let held = Condition::all()
        .add(Column::Tenant.eq(commit.tenant.as_str()))
        .add(Column::Subject.eq(commit.subject.as_str()))
        .add(Column::Device.eq(device.id.as_str()));
    let mut update = Entity::update_many().filter(held.clone()).col_expr(Column::Device, Expr::value(""));
    if device.state == State::Pending {
        Entity::delete_many().filter(held).filter(Expr::col(Column::Detail).eq("")).exec(tx).await?;
    } else {
        update = update
            .col_expr(Column::Kind, Expr::value(device.kind.as_str()))
            .col_expr(Column::Detail, Expr::value(device.detail.text()));
    }
    update.exec(tx).await?;
    Ok(())
}
