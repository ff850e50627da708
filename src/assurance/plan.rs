//! Plans: the least that is missing, in the order of what it costs the user.

use super::candidate::Candidate;
use super::choice::{Choice, cheapest, first, reduced};
use super::goal::Goal;
use super::search::{Class, Search, groups};
use super::steps::Steps;
use crate::domain::decision::{Plan, Step};
use crate::domain::ids::DeviceId;
use crate::domain::kind::Effort;
use crate::domain::method::Method;

/// How many plans are offered.
pub const PLANS_MAX: usize = 4;

/// The steps that it takes to find the cheapest ways to take a set, for each group.
const COSTING: u64 = 300;

/// Up to four plans that reach every goal, the one of least cost first. Each is minimal. None if there is
/// nothing to do, or if it cannot be done.
///
/// If the steps run out, there is still a plan if there can be one, and it is minimal; it may not be of least cost.
#[must_use]
pub fn plans(goals: &[Goal<'_>], candidates: &[&Candidate], steps: &Steps) -> Vec<Plan> {
    if goals.iter().all(|goal| goal.is_reached(&goal.start())) {
        return Vec::new();
    }
    let groups = groups(goals, candidates);
    let mut search = Search::new(goals, &groups, steps);
    let mut choices: Vec<Choice> = Vec::new();
    for number in search.numbers() {
        for taken in search.of(number) {
            if !steps.take(COSTING * groups.len() as u64) && !choices.is_empty() {
                break;
            }
            choices.extend(cheapest(&groups, taken, candidates, PLANS_MAX));
        }
        // More steps cost more, whatever they are.
        if choices.len() >= PLANS_MAX || steps.have_run_out() {
            break;
        }
    }
    let classes: Vec<&Class> = groups.iter().flat_map(|group| &group.classes).collect();
    let mut choices: Vec<Vec<usize>> =
        first(choices, PLANS_MAX).into_iter().map(|(_, counts)| counts).collect();
    if choices.is_empty() && steps.have_run_out() {
        choices.extend(reduced(goals, &groups, candidates));
    }
    choices.iter().map(|counts| plan(goals, &classes, counts, candidates)).collect()
}

fn plan(goals: &[Goal<'_>], classes: &[&Class], counts: &[usize], candidates: &[&Candidate]) -> Plan {
    let taken = || classes.iter().zip(counts).filter(|(_, count)| **count > 0);
    let first_choices = taken().flat_map(|(class, count)| &class.members[..*count]);
    let mut steps: Vec<(usize, bool)> = first_choices.map(|index| (*index, true)).collect();
    // Ask to verify the user only where the plan would not do without.
    for step in 0..steps.len() {
        steps[step].1 = false;
        steps[step].1 = !goals.iter().all(|goal| goal.is_reached_by(steps.iter().copied()));
    }
    let mut steps = steps.into_iter();
    let mut ordered: Vec<(Effort, Step)> = Vec::with_capacity(steps.len());
    for (class, count) in taken() {
        for (turn, (index, verified)) in steps.by_ref().take(*count).enumerate() {
            // Each of several steps by one class has its own devices: whichever the user takes of each, no
            // device is taken twice.
            let members = class.members.iter().skip(turn).step_by(*count).map(|index| candidates[*index]);
            ordered.push((candidates[index].effort, step(candidates[index], members, verified)));
        }
    }
    // What is elsewhere comes first: it is the page that the user is on, or a password.
    ordered.sort_by_key(|(effort, _)| (*effort != Effort::Elsewhere, *effort));
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
