//! Commits off the hot path: enrollment, management, attempts that named no device. One after the other,
//! each behind a savepoint, so that one that falls takes nothing with it.

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, TransactionTrait, UpdateMany,
};

use super::super::commit::{Change, Commit, Outcome, Revoked};
use super::super::entity::{client, device, evidence, request, revocation, subject};
use super::super::fingerprint::Factor;
use super::super::seal;
use super::secrets::release;
use super::{Stop, Writer, clearing, is_duplicate};
use crate::domain::device::{Device, SubjectState};
use crate::domain::secret::Secret;

impl Writer {
    /// Writes one commit, or nothing of it.
    pub(super) async fn apply_cold(
        &self,
        tx: &DatabaseTransaction,
        commit: &Commit,
    ) -> Result<Outcome, DbErr> {
        let savepoint = tx.begin().await?;
        let outcome = match self.change_all(&savepoint, commit).await {
            Ok(()) => {
                savepoint.commit().await?;
                return Ok(Outcome::Done);
            }
            Err(Stop::This(outcome)) => outcome,
            Err(Stop::All(error)) => return Err(error),
        };
        savepoint.rollback().await?;
        Ok(outcome)
    }

    async fn change_all(&self, tx: &DatabaseTransaction, commit: &Commit) -> Result<(), Stop> {
        // First the request record: of two equal requests at once, the second waits here and then finds it.
        if let Some(record) = &commit.record {
            let row = self.record(&commit.tenant, record);
            request::Entity::insert(row.into_active_model())
                .exec_without_returning(tx)
                .await
                .map_err(|e| unless_duplicate(e, Outcome::Recorded))?;
        }
        for change in &commit.changes {
            match change {
                Change::Insert(device, secret) => self.insert(tx, device, secret).await?,
                Change::Progress(device) | Change::Rewrite(device) => {
                    rewrite(tx, device, device.version - 1).await?;
                }
                Change::Restore(device, over) => rewrite(tx, device, *over).await?,
                Change::Delete(gone) => {
                    let filter = device::Entity::delete_many()
                        .filter(device::Column::Id.eq(gone.id.as_str()))
                        .filter(device::Column::Version.eq(gone.version));
                    one(filter.exec(tx).await?.rows_affected)?;
                    release(tx, commit, gone).await?;
                }
                Change::Hold(device, factor) => self.hold(tx, device, factor).await?,
                Change::Subject(state) => write_subject(tx, commit, state).await?,
                Change::MoveSubject => {
                    let next = Expr::col(subject::Column::Version).add(1);
                    let update = subject::Entity::update_many()
                        .col_expr(subject::Column::Version, next)
                        .filter(subject::Column::Tenant.eq(commit.tenant.as_str()))
                        .filter(subject::Column::Subject.eq(commit.subject.as_str()));
                    update.exec(tx).await?;
                }
                Change::Evidence(proved) => {
                    let row = evidence::Model::of(&commit.tenant, &commit.subject, proved)
                        .map_err(|e| DbErr::Custom(e.to_string()))?;
                    evidence::Entity::insert(row.clone().into_active_model())
                        .exec_without_returning(tx)
                        .await?;
                    if let Some(event) = commit.events.first() {
                        clearing::clear(tx, &row, event.at).await?;
                    }
                }
                Change::Spend(id, at) => {
                    let update = evidence_of(commit)
                        .col_expr(evidence::Column::SpentAt, Expr::value(at.micros()))
                        .filter(evidence::Column::Id.eq(id.as_str()))
                        .filter(evidence::Column::SpentAt.is_null())
                        .filter(evidence::Column::RevokedAt.is_null());
                    one(update.exec(tx).await?.rows_affected)?;
                }
                Change::Revoke(revoked, at) => {
                    let which = match revoked {
                        Revoked::One(id) => evidence::Column::Id.eq(id.as_str()),
                        Revoked::Session(session) => evidence::Column::Session.eq(session.as_str()),
                        Revoked::Device(device) => evidence::Column::Device.eq(device.as_str()),
                    };
                    let update = evidence_of(commit)
                        .col_expr(evidence::Column::RevokedAt, Expr::value(at.micros()))
                        .filter(which)
                        .filter(evidence::Column::RevokedAt.is_null());
                    update.exec(tx).await?;
                }
                Change::RevokeSession(revocation) => {
                    let row = revocation::Model::of(&commit.tenant, &commit.subject, revocation);
                    let key = [
                        revocation::Column::Tenant,
                        revocation::Column::Subject,
                        revocation::Column::Session,
                    ];
                    let rewrite = [revocation::Column::RevokedAt, revocation::Column::ExpiresAt];
                    revocation::Entity::insert(row.into_active_model())
                        .on_conflict(OnConflict::columns(key).update_columns(rewrite).to_owned())
                        .exec_without_returning(tx)
                        .await?;
                }
                Change::Remember(remembered) => {
                    let row = client::Model::of(&commit.tenant, &commit.subject, remembered);
                    client::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
                }
                Change::See(id, at) => {
                    let update = client::Entity::update_many()
                        .col_expr(client::Column::SeenAt, Expr::value(at.micros()))
                        .filter(clients_of(commit))
                        .filter(client::Column::Id.eq(id.as_str()));
                    update.exec(tx).await?;
                }
                Change::Forget(ids) => {
                    let ids = ids.iter().map(|id| id.as_str());
                    let delete = client::Entity::delete_many()
                        .filter(clients_of(commit))
                        .filter(client::Column::Id.is_in(ids));
                    delete.exec(tx).await?;
                }
                Change::ForgetAll => {
                    client::Entity::delete_many().filter(clients_of(commit)).exec(tx).await?;
                }
            }
        }
        Ok(())
    }

    async fn insert(&self, tx: &DatabaseTransaction, device: &Device, secret: &Secret) -> Result<(), Stop> {
        let sealed = seal::device(&self.keyring, device, secret, &*self.entropy);
        let row = device::Model { secret: sealed.0, ..device::Model::of(device) };
        device::Entity::insert(row.into_active_model())
            .exec_without_returning(tx)
            .await
            .map_err(|e| unless_duplicate(e, Outcome::Stale))?;
        // A device without a secret has no fingerprint.
        if secret.expose().is_empty() {
            return Ok(());
        }
        self.hold(tx, device, &Factor::Secret(secret.clone())).await
    }
}

/// Writes what can change of a device, over that version.
async fn rewrite(tx: &DatabaseTransaction, device: &Device, over: i64) -> Result<(), Stop> {
    let row = device::Model::of(device);
    let update = device::Entity::update_many()
        .set(device::ActiveModel {
            name: ActiveValue::Set(row.name),
            state: ActiveValue::Set(row.state),
            preferred: ActiveValue::Set(row.preferred),
            detail: ActiveValue::Set(row.detail),
            version: ActiveValue::Set(row.version),
            epoch: ActiveValue::Set(row.epoch),
            failures: ActiveValue::Set(row.failures),
            failed_at: ActiveValue::Set(row.failed_at),
            confirmed_at: ActiveValue::Set(row.confirmed_at),
            used_at: ActiveValue::Set(row.used_at),
            expires_at: ActiveValue::Set(row.expires_at),
            ..Default::default()
        })
        .filter(device::Column::Id.eq(row.id))
        .filter(device::Column::Version.eq(over));
    let done = update.exec(tx).await.map_err(|e| unless_duplicate(e, Outcome::Stale))?;
    one(done.rows_affected)
}

/// An update of the evidence of a commit's subject.
fn evidence_of(commit: &Commit) -> UpdateMany<evidence::Entity> {
    evidence::Entity::update_many()
        .filter(evidence::Column::Tenant.eq(commit.tenant.as_str()))
        .filter(evidence::Column::Subject.eq(commit.subject.as_str()))
}

/// The clients of a commit's subject.
fn clients_of(commit: &Commit) -> Condition {
    Condition::all()
        .add(client::Column::Tenant.eq(commit.tenant.as_str()))
        .add(client::Column::Subject.eq(commit.subject.as_str()))
}

/// Writes what is kept of a subject, over the version before; version 1 is a new row.
async fn write_subject(tx: &DatabaseTransaction, commit: &Commit, state: &SubjectState) -> Result<(), Stop> {
    let row = subject::Model::of(&commit.tenant, &commit.subject, state);
    if state.version == 1 {
        subject::Entity::insert(row.into_active_model())
            .exec_without_returning(tx)
            .await
            .map_err(|e| unless_duplicate(e, Outcome::Stale))?;
        return Ok(());
    }
    let update = subject::Entity::update_many()
        .col_expr(subject::Column::Version, Expr::value(row.version))
        .col_expr(subject::Column::Failures, Expr::value(row.failures))
        .col_expr(subject::Column::FailedAt, Expr::value(row.failed_at))
        .col_expr(subject::Column::Epoch, Expr::value(row.epoch))
        .col_expr(subject::Column::EnrolledAt, Expr::value(row.enrolled_at))
        .col_expr(subject::Column::GracedAt, Expr::value(row.graced_at))
        .col_expr(subject::Column::OpenedSession, Expr::value(row.opened_session))
        .col_expr(subject::Column::OpenedAt, Expr::value(row.opened_at))
        .col_expr(subject::Column::SignedOutAt, Expr::value(row.signed_out_at))
        .col_expr(subject::Column::Forgiven, Expr::value(row.forgiven))
        .filter(subject::Column::Tenant.eq(row.tenant))
        .filter(subject::Column::Subject.eq(row.subject))
        .filter(subject::Column::Version.eq(state.version - 1));
    one(update.exec(tx).await?.rows_affected)
}

pub(super) fn one(rows_affected: u64) -> Result<(), Stop> {
    if rows_affected == 1 { Ok(()) } else { Err(Stop::This(Outcome::Stale)) }
}

pub(super) fn unless_duplicate(error: DbErr, outcome: Outcome) -> Stop {
    if is_duplicate(&error) { Stop::This(outcome) } else { Stop::All(error) }
}
