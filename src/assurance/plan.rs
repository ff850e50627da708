//! Plans: the least that is missing, in the order of what it costs the user.

use std::cmp::Reverse;

use super::candidate::{Candidate, Effort};
use super::decision::{Plan, Step};
use super::goal::Goal;
use super::method::Method;
use super::search::{self, Class, Taken};
use crate::domain::ids::DeviceId;
use crate::domain::moment::Moment;

/// How many plans are offered.
pub const PLANS_MAX: usize = 4;

/// What a plan costs the user, compared in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cost {
    /// Prompts.
    prompts: usize,
    /// Steps over the telephone network.
    restricted: usize,
    /// The effort of all steps.
    effort: usize,
    /// Steps by something else than the user prefers.
    unpreferred: usize,
    /// When each was last used, the latest first. What was used lately is at hand.
    used: Vec<Reverse<Option<Moment>>>,
}

/// Up to four plans that reach every goal, the one of least cost first. Each is minimal. None if there is
/// nothing to do, or if it cannot be done.
#[must_use]
pub fn plans(goals: &[Goal<'_>], candidates: &[&Candidate]) -> Vec<Plan> {
    let classes = search::classes(goals, candidates);
    let found = search::minimal(goals, &classes, PLANS_MAX);
    let mut costed: Vec<(Cost, Taken)> =
        found.into_iter().map(|taken| (cost(&classes, &taken, candidates), taken)).collect();
    costed.sort();
    costed
        .iter()
        .take(PLANS_MAX)
        .map(|(_, taken)| plan(goals, &classes, taken, candidates))
        .filter(|plan| !plan.steps.is_empty())
        .collect()
}

/// The first choices of each class.
fn chosen<'a>(classes: &'a [Class], taken: &'a Taken) -> impl Iterator<Item = usize> + 'a {
    classes.iter().zip(taken).flat_map(|(class, count)| class.members.iter().copied().take(*count))
}

fn cost(classes: &[Class], taken: &Taken, candidates: &[&Candidate]) -> Cost {
    let steps: Vec<_> = chosen(classes, taken).map(|index| candidates[index]).collect();
    let count = |holds: fn(&Candidate) -> bool| steps.iter().filter(|step| holds(step)).count();
    let mut used: Vec<_> = steps.iter().map(|step| Reverse(step.used_at)).collect();
    used.sort_unstable();
    Cost {
        prompts: steps.len(),
        restricted: count(|step| step.strength.restricted_channel),
        effort: steps.iter().map(|step| weight(step.effort)).sum(),
        unpreferred: count(|step| !step.preferred),
        used,
    }
}

fn weight(effort: Effort) -> usize {
    match effort {
        Effort::Touch => 0,
        Effort::Code => 1,
        Effort::Message => 2,
        Effort::Recovery => 3,
        Effort::Elsewhere => 4,
    }
}

fn plan(goals: &[Goal<'_>], classes: &[Class], taken: &Taken, candidates: &[&Candidate]) -> Plan {
    // Ask to verify the user only where the plan would not do without.
    let mut steps: Vec<(usize, bool)> = chosen(classes, taken).map(|index| (index, true)).collect();
    for step in 0..steps.len() {
        steps[step].1 = false;
        steps[step].1 = !goals.iter().all(|goal| goal.is_reached_by(steps.iter().copied()));
    }
    let mut steps = steps.into_iter();
    let mut ordered: Vec<(&Candidate, Step)> = Vec::with_capacity(steps.len());
    for (class, count) in classes.iter().zip(taken) {
        for (turn, (index, verified)) in steps.by_ref().take(*count).enumerate() {
            // Each of several steps by one class has its own devices: whichever the user takes of each, no
            // device is taken twice.
            let members = class.members.iter().skip(turn).step_by(*count).map(|index| candidates[*index]);
            let candidate = candidates[index];
            ordered.push((candidate, step(candidate, members, verified)));
        }
    }
    // What is elsewhere comes first: it is the page that the user is on, or a password.
    ordered.sort_by_key(|(candidate, _)| (candidate.effort != Effort::Elsewhere, candidate.effort));
    Plan { steps: ordered.into_iter().map(|(_, step)| step).collect() }
}

fn step<'a>(
    candidate: &Candidate,
    members: impl Iterator<Item = &'a Candidate>,
    user_verification: bool,
) -> Step {
    match &candidate.method {
        Method::External(name) => Step::External(name.clone()),
        Method::Device { kind, .. } => {
            let devices: Vec<DeviceId> =
                members.filter_map(|member| member.method.device_id().cloned()).collect();
            Step::Device { kind: kind.clone(), devices, user_verification }
        }
    }
}
