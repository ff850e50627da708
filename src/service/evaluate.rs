//! Has this subject proved enough for what they are about to do?

use std::collections::BTreeMap;

use futures_util::FutureExt as _;
use tokio::task::yield_now;

use super::planning::{Patience, Planning, Unanswered};
use super::scene::Scene;
use super::unit::{Once, Reply, Step};
use super::{Service, unnamed};
use crate::assurance::decide::{decide_all, satisfied_all};
use crate::assurance::explain::{explain, summary};
use crate::assurance::requirement::Requirement;
use crate::assurance::rulebook::{Applied, Rulebook};
use crate::assurance::steps::Steps;
use crate::auth::{Caller, Grant, rpc};
use crate::domain::context::Context;
use crate::domain::decision::{Decided, Decision, Satisfied};
use crate::domain::device::SubjectState;
use crate::domain::event::{Event, What};
use crate::domain::ids::{EvidenceId, Subject};
use crate::domain::kind::Capability;
use crate::domain::moment::Moment;
use crate::domain::refusal::Refusal;
use crate::error::Error;
use crate::store::{Change, Commit, Standing, Wanted};

/// The bytes of all explanations of an answer at most, and of one.
const EXPLANATIONS_MAX: usize = 64 << 10;
const EXPLANATION_MAX: usize = 16 << 10;

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// Requirements, by name.
    pub requirements: Vec<String>,
    /// What the caller knows.
    pub attributes: BTreeMap<String, String>,
    /// What the user's client can do. Empty: everything.
    pub capabilities: Vec<Capability>,
    /// Explain each decision, leaf by leaf, and use nothing up.
    pub explain: bool,
}

/// The answer.
#[derive(Debug, Clone, Default)]
pub struct Decisions {
    /// One for each requirement, in order.
    pub each: Vec<Decided>,
    /// All of them together.
    pub joint: Joint,
}

/// The decision on several requirements together.
#[derive(Debug, Clone, Default)]
pub enum Joint {
    /// There is no joint decision: fewer than two requirements were asked for.
    #[default]
    None,
    /// The decision.
    Decided(Decided),
    /// Together they can be met in so many ways that the best plans are not found in a bounded number of steps.
    TooComplex,
}

impl Joint {
    /// The decision, if there is one.
    #[must_use]
    pub fn decided(&self) -> Option<&Decided> {
        match self {
            Self::Decided(decided) => Some(decided),
            Self::None | Self::TooComplex => None,
        }
    }
}

/// What an answer costs.
#[derive(Debug, Default)]
pub(super) struct Consequences {
    /// Evidence for the transaction that it uses up.
    pub(super) spent: Vec<EvidenceId>,
    /// The piece of it that the same commit gives: that is written as used up.
    pub(super) given: Option<EvidenceId>,
    /// A subject is let in without a device for the first time.
    pub(super) graced: bool,
}

impl Service {
    /// Decides requirements, from a fresh reading.
    ///
    /// # Errors
    /// There is no such requirement; the database does not answer.
    pub async fn evaluate(
        &self,
        grant: &Grant<rpc::Evaluate>,
        subject: &Subject,
        context: &Context,
        question: &Question,
        once: Option<Once<Decisions>>,
    ) -> Result<Reply<Decisions>, Error> {
        let caller = grant.caller();
        self.unit(caller, subject, once, move |is_in_turn| {
            self.decide_now(is_in_turn, caller, subject, context, question).boxed()
        })
        .await
    }

    /// Decides requirements for the subject as it is now, with the commit that uses evidence up. In the turn of the
    /// subject, this does not wait for other requests of the caller: those of others wait for it.
    async fn decide_now(
        &self,
        is_in_turn: bool,
        caller: &Caller,
        subject: &Subject,
        context: &Context,
        question: &Question,
    ) -> Result<Step<Decisions>, Error> {
        let decide = |patience| self.decide_with(patience, caller, subject, context, question);
        if is_in_turn {
            return Ok(decide(Patience::GoesOn).await?);
        }
        // An explanation takes many steps.
        let turn = if question.explain { Some(self.planners.turn(caller).await) } else { None };
        self.planners.ask(caller, turn, decide).await
    }

    async fn decide_with(
        &self,
        patience: Patience,
        caller: &Caller,
        subject: &Subject,
        context: &Context,
        question: &Question,
    ) -> Result<Step<Decisions>, Unanswered> {
        let now = self.clock.now();
        let wanted = if question.explain { Wanted::All(now) } else { Wanted::Here(context, now) };
        let standing = self.standing_of(&caller.tenant, subject, wanted).await?;
        let scene = self.scene(caller, &standing, context, &question.capabilities, now)?;
        let (decisions, consequences) = self.answer(caller, &scene, question, patience).await?;
        if question.explain {
            return Ok(Step::Answer(decisions));
        }
        let about = |what| Event::about(&caller.tenant, subject, what, &caller.name, now);
        Ok(match consequences.commit(&about, &standing, now) {
            Some(commit) => Step::Commit(commit, decisions),
            None => Step::Answer(decisions),
        })
    }

    /// The requirements that apply, for each requirement of a question in order.
    pub(super) fn requirements_of<'b>(
        book: &'b Rulebook,
        question: &Question,
    ) -> Result<Vec<Applied<'b>>, Refusal> {
        let requirement = |name: &String| {
            let found = book.applied(name, &question.attributes);
            found.ok_or_else(|| Refusal::RequirementNotFound { requirement: name.clone() })
        };
        question.requirements.iter().map(requirement).collect()
    }

    /// Answers a question about a moment.
    ///
    /// # Errors
    /// There is no such requirement; it needs the caller's turn to plan.
    pub(super) async fn answer(
        &self,
        caller: &Caller,
        scene: &Scene<'_>,
        question: &Question,
        patience: Patience,
    ) -> Result<(Decisions, Consequences), Unanswered> {
        let requirements = Self::requirements_of(&scene.book, question)?;
        let Standing { state, devices, .. } = scene.standing;
        let any_device_retry_at = unnamed::retry_at(&self.policy(caller).throttle, state, devices, scene.now);
        let is_joint = requirements.len() > 1;
        let together = if is_joint { together(&requirements) } else { Vec::new() };
        let (each, joint) = {
            // `satisfied_all` takes no steps.
            let none = Steps::new(0);
            let situation = scene.situation(&none);
            let each: Vec<_> = requirements.iter().map(|one| satisfied_all(&one.all, &situation)).collect();
            (each, if is_joint { satisfied_all(&together, &situation) } else { None })
        };
        let mut consequences = Consequences::default();
        consequences.spend_for(each.iter().chain([&joint]).flatten());
        // Evidence that one decision uses up must not appear in the plans of the others.
        let spends = !consequences.spent.is_empty() && !question.explain;
        let left = spends.then(|| scene.without(&consequences.spent));
        let left = left.as_ref().unwrap_or(scene);
        let (mut room, mut unexplained) = (EXPLANATIONS_MAX, requirements.len());
        let mut finish = |one: Option<&Applied<'_>>, decision: Decision| {
            let mut explanation = summary(&decision, scene.now);
            if let Some(Applied { asked, all }) = one.filter(|_| question.explain) {
                let most = (room / unexplained).min(EXPLANATION_MAX);
                explanation = explain(asked, all, &decision, &scene.situation(&Steps::new(0)), most);
                room = room.saturating_sub(explanation.len());
                unexplained -= 1;
            }
            let grace_until = self.grace(caller, scene, &decision, &mut consequences);
            Decided {
                requirement: one.map_or("", |one| one.asked.name()).to_owned(),
                applied: one.map_or_else(|| names(&together), |one| names(&one.all)),
                revision: one.map_or_else(String::new, Applied::revision),
                any_device_retry_at: any_device_retry_at.filter(|_| decision.asks_for_device()),
                decision,
                grace_until,
                explanation,
            }
        };
        let open = each.iter().filter(|one| one.is_none()).count() + usize::from(is_joint && joint.is_none());
        let mut planning = self.planners.begin(caller, patience, open);
        let mut decisions = Decisions::default();
        for (one, satisfied) in requirements.iter().zip(each) {
            let (decision, _) = self.decision_on(caller, left, &one.all, satisfied, &mut planning).await?;
            if question.explain {
                yield_now().await;
            }
            decisions.each.push(finish(Some(one), decision));
        }
        if is_joint {
            let (joint, is_cut) = self.decision_on(caller, left, &together, joint, &mut planning).await?;
            decisions.joint = if is_cut { Joint::TooComplex } else { Joint::Decided(finish(None, joint)) };
        }
        Ok((decisions, consequences))
    }

    /// The decision on requirements that are `satisfied` by something, or else what is missing. Also returns true if
    /// there were too few steps for the best plans.
    async fn decision_on(
        &self,
        caller: &Caller,
        scene: &Scene<'_>,
        requirements: &[&Requirement],
        satisfied: Option<Satisfied>,
        planning: &mut Planning<'_>,
    ) -> Result<(Decision, bool), Unanswered> {
        if let Some(satisfied) = satisfied {
            return Ok((Decision::Satisfied(satisfied), false));
        }
        let plan = |steps: &Steps| {
            let decision = decide_all(requirements, &scene.situation(steps));
            self.advised(caller, scene, requirements, decision, steps)
        };
        let (decision, is_cut) = planning.decide(plan).await?;
        Ok((decision?, is_cut))
    }

    /// The end of the grace of a subject that never had a device and has proved everything that no enrollment gives.
    /// `None`: there is no grace.
    fn grace(
        &self,
        caller: &Caller,
        scene: &Scene<'_>,
        decision: &Decision,
        consequences: &mut Consequences,
    ) -> Option<Moment> {
        let grace = self.policy(caller).enrollment_grace?;
        let SubjectState { enrolled_at, graced_at, .. } = scene.standing.state;
        let lacks_only_a_device =
            matches!(decision, Decision::EnrollmentRequired { plans, .. } if plans.is_empty());
        if !lacks_only_a_device || enrolled_at.is_some() {
            return None;
        }
        consequences.graced |= graced_at.is_none();
        let until = graced_at.unwrap_or(scene.now).plus(grace);
        (until > scene.now).then_some(until)
    }
}

/// All requirements that apply, each once.
fn together<'b>(applied: &[Applied<'b>]) -> Vec<&'b Requirement> {
    let mut together: Vec<&Requirement> = Vec::with_capacity(applied.len());
    for requirement in applied.iter().flat_map(|one| &one.all) {
        let is_same = |known: &&Requirement| {
            known.name() == requirement.name() && known.expression() == requirement.expression()
        };
        if !together.iter().any(is_same) {
            together.push(requirement);
        }
    }
    together
}

fn names(requirements: &[&Requirement]) -> Vec<String> {
    requirements.iter().map(|requirement| requirement.name().to_owned()).collect()
}

impl Consequences {
    /// Uses up what these decisions were satisfied by.
    fn spend_for<'d>(&mut self, decisions: impl Iterator<Item = &'d Satisfied>) {
        decisions.for_each(|satisfied| self.spent.extend(satisfied.used_up.iter().cloned()));
        self.spent.sort();
        self.spent.dedup();
    }

    /// A commit, and these with it.
    pub(super) fn added_to(
        &self,
        commit: Commit,
        about: &impl Fn(What) -> Event,
        standing: &Standing,
        now: Moment,
    ) -> Commit {
        self.changed(self.events(about).into_iter().fold(commit, Commit::event), standing, now)
    }

    fn commit(&self, about: &impl Fn(What) -> Event, standing: &Standing, now: Moment) -> Option<Commit> {
        let mut events = self.events(about).into_iter();
        let first = Commit::new(events.next()?);
        Some(self.changed(events.fold(first, Commit::event), standing, now))
    }

    fn events(&self, about: &impl Fn(What) -> Event) -> Vec<Event> {
        let spent = self.spent.iter().map(|id| about(What::EvidenceSpent).with("evidence", id));
        spent.chain(self.graced.then(|| about(What::SubjectGraced))).collect()
    }

    /// The commit with the changes. It is made over the subject: whatever takes back evidence, a client or a device that
    /// the decision rests on moves the subject on, so it is committed after this, or this is stale.
    fn changed(&self, commit: Commit, standing: &Standing, now: Moment) -> Commit {
        if self.spent.is_empty() && !self.graced {
            return commit;
        }
        let mut next = standing.state.moved_on(!standing.devices.is_empty(), now);
        if self.graced {
            next.graced_at = Some(now);
        }
        let spent = self.spent.iter().filter(|id| self.given.as_ref() != Some(id));
        spent.fold(commit.over_subject(next), |commit, id| commit.change(Change::Spend(id.clone(), now)))
    }
}
