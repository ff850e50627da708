//! What follows from a proof that is right: the evidence that it is, and what is decided by it at once.

use super::Service;
use super::evidence::{Given, Giving};
use super::planning::Patience;
use super::unit::Step;
use super::verify::{Attempt, Tried};
use crate::auth::Caller;
use crate::domain::device::Device;
use crate::domain::event::Event;
use crate::domain::moment::Moment;
use crate::domain::proof::Verdict;
use crate::error::Error;
use crate::store::{Change, Commit, Standing};

impl Service {
    /// The commit of an accepted proof with the evidence that it is, and with what is decided by it.
    pub(super) async fn prove(
        &self,
        caller: &Caller,
        attempt: &Attempt,
        device: Device,
        standing: Option<&Standing>,
        now: Moment,
        mut commit: Commit,
    ) -> Result<Step<Tried>, Error> {
        let Attempt { reach, question, .. } = attempt;
        let context = attempt.context();
        let policy = self.policy(caller);
        let Given { mut evidence, seen } =
            self.given(&device, &Giving { policy, context, reach: *reach, standing, now })?;
        let mut decisions = None;
        if let Some(standing) = standing.filter(|_| !question.requirements.is_empty()) {
            // As it will be: with this device used, and with what it proves.
            let mut standing = standing.clone();
            for one in &mut standing.devices {
                if one.id == device.id {
                    *one = device.clone();
                }
            }
            let scene = self.scene(caller, &standing, context, &question.capabilities, now)?.with(&evidence);
            let (answer, mut consequences) = self.answer(caller, &scene, question, Patience::GoesOn).await?;
            // Who has an active device has asked for no grace.
            consequences.graced = false;
            let about = |what| Event::about(&caller.tenant, &attempt.subject, what, &caller.name, now);
            evidence.used_up = consequences.spent.contains(&evidence.id);
            consequences.given = evidence.used_up.then(|| evidence.id.clone());
            commit = consequences.added_to(commit, &about, &standing, now);
            decisions = Some(answer);
        }
        commit = commit.change(Change::Evidence(Box::new(evidence.clone())));
        if let Some(seen) = seen {
            commit = commit.change(seen);
        }
        let tried =
            Tried { evidence: Some(evidence), decisions, ..Tried::of(Verdict::Accepted, Some(device)) };
        Ok(Step::Commit(commit, tried))
    }
}
