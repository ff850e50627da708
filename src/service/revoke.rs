//! Taking evidence back.

use futures_util::FutureExt as _;

use super::evidence::counting;
use super::unit::{Once, Reply, Step};
use super::{Service, opening};
use crate::auth::{Caller, Grant, rpc};
use crate::domain::device::{Device, State, SubjectState};
use crate::domain::event::{Event, What};
use crate::domain::evidence::Evidence;
use crate::domain::ids::{EvidenceId, SessionId, Subject};
use crate::domain::moment::Moment;
use crate::error::Error;
use crate::store::{Change, Commit, Revoked, SessionRevocation, Standing, Wanted};

/// Which evidence is taken back.
#[derive(Debug, Clone)]
pub enum Revocation {
    /// This.
    One(EvidenceId),
    /// All that was given in a session.
    Session(SessionId),
    /// All of it, everywhere.
    Everything,
}

impl Service {
    /// Takes evidence back. Gives how many pieces count no more.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn revoke_evidence(
        &self,
        grant: &Grant<rpc::RevokeEvidence>,
        subject: &Subject,
        revocation: &Revocation,
        once: Option<Once<u64>>,
    ) -> Result<Reply<u64>, Error> {
        let caller = grant.caller();
        self.unit(caller, subject, once, move |_| {
            async move {
                let now = self.clock.now();
                let standing = self.standing_of(&caller.tenant, subject, Wanted::All(now)).await?;
                // What does not count just now may count later: of a device that is locked, under a clock that
                // went back. It is taken back as well.
                let concerned = |one: &&Evidence| revocation.concerns(one);
                let is_any =
                    standing.evidence.iter().filter(concerned).any(|one| could_count(&standing, one));
                let count = counting(&standing, None, now).iter().filter(concerned).count() as u64;
                let id = match revocation {
                    Revocation::Everything => return Ok(sign_out(caller, subject, &standing, count, now)),
                    Revocation::Session(session) => {
                        let commit =
                            self.end_session(caller, subject, &standing, session, count, now).await?;
                        return Ok(Step::Commit(commit, count));
                    }
                    Revocation::One(id) => id,
                };
                if !is_any {
                    return Ok(Step::Answer(0));
                }
                let event = Event::about(&caller.tenant, subject, What::EvidenceRevoked, &caller.name, now)
                    .with("evidence", id);
                // Over the subject: a change that goes by this evidence is made before it, or not at all.
                let next = standing.state.moved_on(!standing.devices.is_empty(), now);
                let commit = Commit::new(event)
                    .change(Change::Subject(next))
                    .change(Change::Revoke(Revoked::One(id.clone()), now));
                Ok(Step::Commit(commit, count))
            }
            .boxed()
        })
        .await
    }

    /// Ends a session, also one without evidence: nothing that was proved until now counts in it, even if it is recorded
    /// later. The commit moves the active devices and the subject on, so that verifications and other changes that are
    /// under way become stale and are judged anew.
    async fn end_session(
        &self,
        caller: &Caller,
        subject: &Subject,
        standing: &Standing,
        session: &SessionId,
        count: u64,
        now: Moment,
    ) -> Result<Commit, Error> {
        let Standing { state, devices, .. } = standing;
        let event = Event::about(&caller.tenant, subject, What::EvidenceRevoked, &caller.name, now)
            .with("count", count);
        // An earlier sign-out may be later by the clock of another replica.
        let earlier = self.store.session_revoked_at(&caller.tenant, subject, session).await?;
        let revoked_at = earlier.map_or(now, |earlier| earlier.max(now));
        let expires_at = revoked_at.plus(self.policy(caller).evidence.longest());
        let ended = SessionRevocation { session: session.clone(), revoked_at, expires_at };
        let next = state.moved_on(!devices.is_empty(), now);
        let next = if opening::is_of(state, session) { opening::closed(next) } else { next };
        let mut commit = Commit::new(event)
            .change(Change::Subject(next))
            .change(Change::Revoke(Revoked::Session(session.clone()), now))
            .change(Change::RevokeSession(ended));
        for device in devices.iter().filter(|device| device.state == State::Active) {
            commit = commit.change(Change::Rewrite(Box::new(device.successor())));
        }
        Ok(commit)
    }
}

impl Revocation {
    fn concerns(&self, evidence: &Evidence) -> bool {
        match self {
            Self::One(id) => evidence.id == *id,
            Self::Session(session) => evidence.binding.session.as_ref() == Some(session),
            Self::Everything => true,
        }
    }
}

/// Moves the subject's epoch on: nothing that was proved before counts, whoever writes it down later. Devices
/// carry the epoch to what they prove, so a verification that is under way is judged anew.
fn sign_out(caller: &Caller, subject: &Subject, standing: &Standing, count: u64, now: Moment) -> Step<u64> {
    let Standing { state, devices, clients, .. } = standing;
    // An earlier sign-out may be later by the clock of another replica.
    let signed_out_at = state.signed_out_at.max(Some(now));
    let event = Event::about(&caller.tenant, subject, What::SubjectSignedOut, &caller.name, now)
        .with("evidence", count)
        .with("clients", clients.len());
    let epoch = state.epoch + 1;
    let next = opening::closed(SubjectState { epoch, signed_out_at, ..state.successor() });
    let mut commit = Commit::new(event).change(Change::Subject(next));
    for device in devices {
        commit = commit.change(Change::Rewrite(Box::new(Device { epoch, ..device.successor() })));
    }
    if !clients.is_empty() {
        commit = commit.change(Change::ForgetAll);
    }
    Step::Commit(commit, count)
}

/// True if evidence that has not expired may count, now or later. Used-up evidence counts for retries of the request
/// that used it.
fn could_count(standing: &Standing, evidence: &Evidence) -> bool {
    !evidence.revoked && evidence.epoch == standing.state.epoch
}
