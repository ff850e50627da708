//! Taking evidence back.

use futures_util::FutureExt as _;

use super::evidence::counting;
use super::unit::{Once, Reply, Step};
use super::{Service, opening};
use crate::auth::{Caller, Grant, rpc};
use crate::domain::device::{Device, SubjectState};
use crate::domain::event::{Event, What};
use crate::domain::evidence::Evidence;
use crate::domain::ids::{EvidenceId, SessionId, Subject};
use crate::domain::moment::Moment;
use crate::error::Error;
use crate::store::{Change, Commit, Revoked, Standing, Wanted};

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
        self.unit(caller, once, move || {
            async move {
                let now = self.clock.now();
                let standing = self.standing_of(&caller.tenant, subject, Wanted::All(now)).await?;
                // What does not count just now may count later: of a device that is locked, under a clock that
                // went back. It is taken back as well.
                let concerned = |one: &&Evidence| revocation.concerns(one);
                let is_any =
                    standing.evidence.iter().filter(concerned).any(|one| could_count(&standing, one));
                let is_bare = standing.devices.is_empty() && standing.clients.is_empty();
                let count = counting(&standing, None, now).iter().filter(concerned).count() as u64;
                let revoked = match revocation {
                    Revocation::Everything if !is_any && is_bare => return Ok(Step::Answer(0)),
                    Revocation::Everything => return Ok(sign_out(caller, subject, &standing, count, now)),
                    Revocation::One(id) => Revoked::One(id.clone()),
                    Revocation::Session(session) => Revoked::Session(session.clone()),
                };
                let closes =
                    matches!(revocation, Revocation::Session(id) if opening::is_of(&standing.state, id));
                if !is_any && !closes {
                    return Ok(Step::Answer(0));
                }
                let event = Event::about(&caller.tenant, subject, What::EvidenceRevoked, &caller.name, now);
                let event = match revocation {
                    Revocation::One(id) => event.with("evidence", id),
                    _ => event.with("count", count),
                };
                // Over the subject: a change that goes by this evidence is made before it, or not at all.
                let next = standing.state.successor();
                let next = if closes { opening::closed(next) } else { next };
                let commit =
                    Commit::new(event).change(Change::Subject(next)).change(Change::Revoke(revoked, now));
                Ok(Step::Commit(commit, count))
            }
            .boxed()
        })
        .await
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
    let event = Event::about(&caller.tenant, subject, What::SubjectSignedOut, &caller.name, now)
        .with("evidence", count)
        .with("clients", clients.len());
    let epoch = state.epoch + 1;
    let next = opening::closed(SubjectState { epoch, ..state.successor() });
    let mut commit = Commit::new(event).change(Change::Subject(next));
    for device in devices {
        commit = commit.change(Change::Rewrite(Box::new(Device { epoch, ..device.successor() })));
    }
    if !clients.is_empty() {
        commit = commit.change(Change::ForgetAll);
    }
    Step::Commit(commit, count)
}

/// Whether evidence that has not expired may count, now or later. What is used up counts for retries of the request
/// that used it.
fn could_count(standing: &Standing, evidence: &Evidence) -> bool {
    !evidence.revoked && evidence.epoch == standing.state.epoch
}
