//! Evidence that a new piece makes superfluous, so that what is kept of a subject is bounded.
//!
//! A piece is deleted with the commit that writes a new one, if
//!
//! - it equals the new one in all that a decision depends on but the times, is older, and does not expire later: the new
//!   piece satisfies whatever it does. It is neither revoked nor used up: a retry of the request that used a piece up still
//!   reads it;
//! - it is older than the newest [`LIVE_MAX`] pieces of the subject that have not expired, revoked, used up or not.

use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{
    ColumnTrait as _, Condition, DatabaseTransaction, DbErr, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use super::super::entity::evidence::{Column, Entity, Model};
use crate::domain::device::Device;
use crate::domain::evidence::Evidence;
use crate::domain::moment::Moment;

/// Pieces of evidence of a subject that have not expired, after a commit that clears. The oldest proofs make room.
const LIVE_MAX: u64 = 256;

/// The versions of a device of which one clears: it costs a statement.
const EVERY: i64 = 8;

/// Whether a commit of the hot path clears what its evidence outdoes.
pub(super) fn is_due(device: &Device, evidence: &Evidence) -> bool {
    !evidence.used_up && device.version % EVERY == 0
}

/// The time of the oldest piece that is kept beside the piece `n` of the same subject, in SQL. `NULL`: there are not so
/// many.
pub(super) const OLDEST: &str = "(SELECT o.verified_at FROM evidence o WHERE o.tenant = n.tenant AND \
    o.subject = n.subject AND o.expires_at > n.verified_at ORDER BY o.verified_at DESC LIMIT 1 OFFSET 255)";

const _: () = assert!(LIVE_MAX == 256, "the offset in OLDEST");

/// Whether the piece `e` makes room for the piece `n` of the same subject, in SQL: it is outdone, or older than
/// `n.oldest`.
pub(super) const MAKES_ROOM: &str = "e.id <> n.id AND (e.verified_at < n.oldest OR \
    e.method = n.method AND e.device = n.device AND e.scope = n.scope AND e.session = n.session AND \
    e.client = n.client AND e.digest = n.digest AND e.epoch = n.epoch AND e.strength = n.strength AND \
    e.spent_at IS NULL AND e.revoked_at IS NULL AND n.spent_at IS NULL AND \
    e.verified_at < n.verified_at AND e.expires_at <= n.expires_at)";

/// Deletes what a new piece outdoes, and the oldest pieces past [`LIVE_MAX`].
pub(super) async fn clear(tx: &DatabaseTransaction, new: &Model, now: Moment) -> Result<(), DbErr> {
    let of_subject = || {
        Condition::all()
            .add(Column::Tenant.eq(new.tenant.as_str()))
            .add(Column::Subject.eq(new.subject.as_str()))
    };
    if new.spent_at.is_none() {
        let outdone = of_subject()
            .add(Column::Id.ne(new.id.as_str()))
            .add(Column::Method.eq(new.method.as_str()))
            .add(Column::Device.eq(new.device.as_str()))
            .add(Column::Scope.eq(new.scope.as_str()))
            .add(Column::Session.eq(new.session.as_str()))
            .add(Column::Client.eq(new.client.as_str()))
            .add(Column::Digest.eq(new.digest.clone()))
            .add(Column::Epoch.eq(new.epoch))
            .add(Column::Strength.eq(new.strength.as_str()))
            .add(Column::SpentAt.is_null())
            .add(Column::RevokedAt.is_null())
            .add(Column::VerifiedAt.lt(new.verified_at))
            .add(Column::ExpiresAt.lte(new.expires_at));
        Entity::delete_many().filter(outdone).exec(tx).await?;
    }
    let last = Entity::find()
        .select_only()
        .columns([Column::VerifiedAt, Column::Id])
        .filter(of_subject().add(Column::ExpiresAt.gt(now.micros())))
        .order_by_desc(Column::VerifiedAt)
        .order_by_desc(Column::Id)
        .offset(LIVE_MAX - 1)
        .limit(1)
        .into_tuple::<(i64, String)>()
        .one(tx)
        .await?;
    let Some((at, id)) = last else { return Ok(()) };
    let is_older = Column::VerifiedAt.lt(at).or(Column::VerifiedAt.eq(at).and(Column::Id.lt(id)));
    let older = of_subject().add(Column::Id.ne(new.id.as_str())).add(is_older);
    Entity::delete_many().filter(older).exec(tx).await.map(drop)
}
