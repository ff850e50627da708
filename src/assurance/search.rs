//! The least sets of candidates that reach every goal. Exact: by number of steps, all sets of that number,
//! so that a set is minimal if and only if it holds none that was found before.
//!
//! Candidates that can stand for each other form a class, and a set is how many are taken of each class.
//! Swapping two of a class changes nothing that a requirement can see, so no set is missed.

use std::collections::BTreeMap;

use super::candidate::{Candidate, Effort};
use super::goal::{Goal, Trait};
use super::method::Sort;
use super::requirement::holds::LeafSet;

/// Candidates that can stand for each other, first choice first.
#[derive(Debug)]
pub struct Class {
    /// By their numbers.
    pub members: Vec<usize>,
    /// How many of them can be of use.
    most: usize,
}

/// How many are taken of each class.
pub type Taken = Vec<usize>;

/// Groups candidates that are of any use.
#[must_use]
pub fn classes(goals: &[Goal<'_>], candidates: &[&Candidate]) -> Vec<Class> {
    let mut grouped: BTreeMap<(Effort, bool, Sort, Vec<Trait>), Vec<usize>> = BTreeMap::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let traits: Vec<_> = goals.iter().map(|goal| goal.distinction(index)).collect();
        if traits.iter().any(|(leaves, _, _)| *leaves != 0) {
            let restricted = candidate.strength.restricted_channel;
            let key = (candidate.effort, restricted, candidate.method.sort(), traits);
            grouped.entry(key).or_default().push(index);
        }
    }
    let copies = goals.iter().map(|goal| goal.program().copies()).max().unwrap_or(1);
    let class = |mut members: Vec<usize>| {
        members.sort_by_key(|index| {
            let Candidate { preferred, used_at, method, .. } = candidates[*index];
            (!preferred, std::cmp::Reverse(*used_at), method)
        });
        let most = members.len().min(copies);
        Class { members, most }
    };
    grouped.into_values().map(class).collect()
}

/// All minimal sets of the least numbers of steps: numbers are tried in turn until there are `enough`, or
/// no more to be found.
#[must_use]
pub fn minimal(goals: &[Goal<'_>], classes: &[Class], enough: usize) -> Vec<Taken> {
    let pieces = goals.iter().map(|goal| goal.program().pieces()).sum::<usize>();
    let most = classes.iter().map(|class| class.most).sum::<usize>().min(pieces);
    let mut search = Search { goals, classes, found: Vec::new(), taken: vec![0; classes.len()] };
    for steps in 0..=most {
        search.from(0, steps, &goals.iter().map(Goal::start).collect::<Vec<_>>());
        if search.found.len() >= enough {
            break;
        }
    }
    search.found
}

struct Search<'a> {
    goals: &'a [Goal<'a>],
    classes: &'a [Class],
    found: Vec<Taken>,
    taken: Taken,
}

impl Search<'_> {
    /// Takes exactly `steps` more, of this class and the ones after it.
    fn from(&mut self, class: usize, steps: usize, state: &[Vec<LeafSet>]) {
        let is_superfluous = |found: &Taken| found.iter().zip(&self.taken).all(|(few, many)| few <= many);
        if self.found.iter().any(is_superfluous) {
            return;
        }
        if steps == 0 {
            if self.are_reached(state) {
                self.found.push(self.taken.clone());
            }
            return;
        }
        if !self.is_within_reach(class, steps, state) {
            return;
        }
        let mut state = state.to_vec();
        let Some(Class { members, most }) = self.classes.get(class) else { return };
        for count in 0..=steps.min(*most) {
            if count > 0 {
                self.take(&mut state, members[count - 1]);
            }
            self.taken[class] = count;
            self.from(class + 1, steps - count, &state);
        }
        self.taken[class] = 0;
    }

    fn take(&self, state: &mut [Vec<LeafSet>], candidate: usize) {
        self.goals.iter().zip(state).for_each(|(goal, state)| goal.take(state, candidate, true));
    }

    fn are_reached(&self, state: &[Vec<LeafSet>]) -> bool {
        self.goals.iter().zip(state).all(|(goal, state)| goal.is_reached(state))
    }

    /// Whether all that is left, taken together, would do.
    fn is_within_reach(&self, class: usize, steps: usize, state: &[Vec<LeafSet>]) -> bool {
        let left = &self.classes[class..];
        if left.iter().map(|class| class.most).sum::<usize>() < steps {
            return false;
        }
        let mut state = state.to_vec();
        for Class { members, most } in left {
            members[..*most].iter().for_each(|index| self.take(&mut state, *index));
        }
        self.are_reached(&state)
    }
}
