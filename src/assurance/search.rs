//! The least sets of candidates that reach every goal. Exact: by number of steps, all sets of that number,
//! so that a set is minimal if and only if it holds none that was found before.
//!
//! Candidates that no goal can tell apart form a group, and a set is how many are taken of each group:
//! swapping two of a group changes nothing that a requirement can see, so no set is missed. What it costs the
//! user to prove one or the other is looked at afterwards, in [`super::choice`].
//!
//! The number of sets grows exponentially with the number of groups, so a search has a bounded number of [`Steps`].

use std::collections::BTreeMap;

use super::candidate::Candidate;
use super::goal::{Goal, Trait};
use super::requirement::holds::LeafSet;
use super::steps::Steps;
use crate::domain::kind::Effort;
use crate::domain::method::Sort;

/// Candidates that no goal can tell apart.
#[derive(Debug)]
pub struct Group {
    /// By what it is to prove them.
    pub classes: Vec<Class>,
    /// Some of them, as many as can be of use.
    useful: Vec<usize>,
}

/// Candidates of a group that are the same to the user, but for which of them is preferred.
#[derive(Debug)]
pub struct Class {
    /// By their numbers, first choice first.
    pub members: Vec<usize>,
}

impl Group {
    /// How many of each class can be of use.
    pub(super) fn useful_by_class(&self) -> impl Iterator<Item = usize> {
        let mut left = self.useful.len();
        self.classes.iter().map(move |class| {
            let count = class.members.len().min(left);
            left -= count;
            count
        })
    }
}

/// How many are taken of each group.
pub type Taken = Vec<usize>;

/// The steps that copying the state of a goal takes, beside one for each source.
const COPYING: u64 = 20;

/// Groups candidates that are of any use.
#[must_use]
pub fn groups(goals: &[Goal<'_>], candidates: &[&Candidate]) -> Vec<Group> {
    type Classes = BTreeMap<(Effort, bool, Sort), Vec<usize>>;
    let mut grouped: BTreeMap<Vec<Trait>, Classes> = BTreeMap::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let traits: Vec<_> = goals.iter().map(|goal| goal.distinction(index)).collect();
        if traits.iter().any(|(leaves, _, _)| *leaves != 0) {
            let class = (candidate.effort, candidate.strength.restricted_channel, candidate.method.sort());
            grouped.entry(traits).or_default().entry(class).or_default().push(index);
        }
    }
    let copies = goals.iter().map(|goal| goal.program().copies()).max().unwrap_or(1);
    let class = |mut members: Vec<usize>| {
        members.sort_by_key(|index| {
            let Candidate { preferred, used_at, method, .. } = candidates[*index];
            (!preferred, std::cmp::Reverse(*used_at), method)
        });
        Class { members }
    };
    let group = |classes: Classes| {
        let classes: Vec<Class> = classes.into_values().map(class).collect();
        let useful = classes.iter().flat_map(|class| class.members.iter().copied()).take(copies).collect();
        Group { classes, useful }
    };
    grouped.into_values().map(group).collect()
}

/// Finds minimal sets, number by number.
#[derive(Debug)]
pub struct Search<'a> {
    goals: &'a [Goal<'a>],
    groups: &'a [Group],
    found: Vec<Taken>,
    taken: Taken,
    steps: &'a Steps,
    /// The steps that copying the states of all goals takes.
    copying: u64,
}

impl<'a> Search<'a> {
    /// Nothing is found yet.
    #[must_use]
    pub fn new(goals: &'a [Goal<'a>], groups: &'a [Group], steps: &'a Steps) -> Self {
        let copying = goals.iter().map(|goal| COPYING + goal.sources() as u64).sum();
        Self { goals, groups, found: Vec::new(), taken: vec![0; groups.len()], steps, copying }
    }

    /// The numbers of steps that a minimal set can have.
    #[must_use]
    pub fn numbers(&self) -> std::ops::RangeInclusive<usize> {
        let pieces = self.goals.iter().map(|goal| goal.program().pieces()).sum::<usize>();
        0..=self.groups.iter().map(|group| group.useful.len()).sum::<usize>().min(pieces)
    }

    /// The minimal sets of that many steps. All smaller numbers must have been searched before. If the steps of the search
    /// run out, some of the sets.
    pub fn of(&mut self, steps: usize) -> &[Taken] {
        let known = self.found.len();
        let state: Vec<_> = self.goals.iter().map(Goal::start).collect();
        self.from(0, steps, &state);
        &self.found[known..]
    }

    /// Takes exactly `steps` more, of this group and the ones after it.
    fn from(&mut self, group: usize, steps: usize, state: &[Vec<LeafSet>]) {
        let is_superfluous = |found: &Taken| found.iter().zip(&self.taken).all(|(few, many)| few <= many);
        if !self.steps.take(COPYING + self.found.len() as u64 * 4) || self.found.iter().any(is_superfluous) {
            return;
        }
        if steps == 0 {
            if self.are_reached(state) {
                self.found.push(self.taken.clone());
            }
            return;
        }
        if self.missing(state) > steps || !self.is_within_reach(group, steps, state) {
            return;
        }
        let mut state = state.to_vec();
        let Some(Group { useful, .. }) = self.groups.get(group) else { return };
        for count in 0..=steps.min(useful.len()) {
            if self.steps.have_run_out() {
                break;
            }
            if count > 0 {
                self.take(&mut state, useful[count - 1]);
            }
            self.taken[group] = count;
            self.from(group + 1, steps - count, &state);
        }
        self.taken[group] = 0;
    }

    fn take(&self, state: &mut [Vec<LeafSet>], candidate: usize) {
        self.goals.iter().zip(state).for_each(|(goal, state)| goal.take(state, candidate, true));
    }

    fn are_reached(&self, state: &[Vec<LeafSet>]) -> bool {
        let mut taken = self.copying;
        let mut each = self.goals.iter().zip(state);
        let are_reached = each.all(|(goal, state)| goal.program().holds_counted(state, &mut taken));
        self.steps.take(taken);
        are_reached
    }

    /// How many steps it takes at the very least.
    fn missing(&self, state: &[Vec<LeafSet>]) -> usize {
        let mut taken = self.copying;
        let each = self.goals.iter().zip(state);
        let most = each.map(|(goal, state)| goal.program().missing(state, &mut taken)).max();
        self.steps.take(taken);
        most.unwrap_or(0)
    }

    /// Whether all that is left, taken together, would do.
    fn is_within_reach(&self, group: usize, steps: usize, state: &[Vec<LeafSet>]) -> bool {
        let left = &self.groups[group..];
        if left.iter().map(|group| group.useful.len()).sum::<usize>() < steps {
            return false;
        }
        self.steps.take(self.copying + (left.len() * self.goals.len()) as u64);
        let mut state = state.to_vec();
        left.iter().flat_map(|group| &group.useful).for_each(|index| self.take(&mut state, *index));
        self.are_reached(&state)
    }
}
