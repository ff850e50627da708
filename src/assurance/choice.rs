//! What a set of steps costs the user, and the cheapest ways to take so many of each group.

use std::cmp::Reverse;

use super::candidate::Candidate;
use super::goal::Goal;
use super::search::{Class, Group, Taken};
use crate::domain::kind::Effort;
use crate::domain::moment::Moment;

/// What steps cost the user, compared in this order. Adding the same steps to two sets does not change which
/// is cheaper, so the cheapest few of a whole are made of the cheapest few of its parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost {
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

impl Cost {
    fn of<'a>(steps: impl Iterator<Item = &'a Candidate>) -> Self {
        let mut cost = Self::default();
        for step in steps {
            cost.prompts += 1;
            cost.restricted += usize::from(step.strength.restricted_channel);
            cost.effort += weight(step.effort);
            cost.unpreferred += usize::from(!step.preferred);
            cost.used.push(Reverse(step.used_at));
        }
        cost.used.sort_unstable();
        cost
    }

    fn plus(&self, other: &Self) -> Self {
        let mut used = [self.used.as_slice(), &other.used].concat();
        used.sort_unstable();
        Self {
            prompts: self.prompts + other.prompts,
            restricted: self.restricted + other.restricted,
            effort: self.effort + other.effort,
            unpreferred: self.unpreferred + other.unpreferred,
            used,
        }
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

/// How many are taken of each class, through all groups, and what that costs.
pub type Choice = (Cost, Vec<usize>);

/// The cheapest choices for a set, at most so many.
#[must_use]
pub fn cheapest(groups: &[Group], taken: &Taken, candidates: &[&Candidate], most: usize) -> Vec<Choice> {
    let start = vec![(Cost::default(), Vec::new())];
    groups.iter().zip(taken).fold(start, |choices, (group, count)| {
        let own = of_group(group, *count, candidates, most);
        let joined = choices.iter().flat_map(|one| own.iter().map(move |two| joined(one, two)));
        first(joined.collect(), most)
    })
}

fn of_group(group: &Group, count: usize, candidates: &[&Candidate], most: usize) -> Vec<Choice> {
    // open[n]: the cheapest choices of n so far.
    let mut open: Vec<Vec<Choice>> = vec![Vec::new(); count + 1];
    open[0].push((Cost::default(), Vec::new()));
    for Class { members } in &group.classes {
        let mut next: Vec<Vec<Choice>> = vec![Vec::new(); count + 1];
        for more in 0..=count.min(members.len()) {
            let own = (Cost::of(members[..more].iter().map(|index| candidates[*index])), vec![more]);
            for so_far in 0..=count - more {
                next[so_far + more].extend(open[so_far].iter().map(|one| joined(one, &own)));
            }
        }
        open = next.into_iter().map(|choices| first(choices, most)).collect();
    }
    open.pop().unwrap_or_default()
}

fn joined((cost, counts): &Choice, (more, added): &Choice) -> Choice {
    (cost.plus(more), [counts.as_slice(), added].concat())
}

/// A choice that reaches every goal, and no longer if anything of it is left out. Begins with all that can be of use,
/// and leaves out what it can, the most costly first. It takes few steps, and need not be the cheapest. `None`: all
/// together does not reach every goal.
#[must_use]
pub(super) fn reduced(goals: &[Goal<'_>], groups: &[Group], candidates: &[&Candidate]) -> Option<Vec<usize>> {
    let classes: Vec<&Class> = groups.iter().flat_map(|group| &group.classes).collect();
    let mut counts: Vec<usize> = groups.iter().flat_map(Group::useful_by_class).collect();
    let are_reached = |counts: &[usize]| {
        let each = || classes.iter().zip(counts).flat_map(|(class, count)| &class.members[..*count]);
        goals.iter().all(|goal| goal.is_reached_by(each().map(|index| (*index, true))))
    };
    if !are_reached(&counts) {
        return None;
    }
    let mut order: Vec<usize> = (0..classes.len()).collect();
    order.sort_by_cached_key(|class| {
        Reverse(Cost::of(classes[*class].members.iter().take(1).map(|index| candidates[*index])))
    });
    for class in order {
        while counts[class] > 0 {
            counts[class] -= 1;
            if !are_reached(&counts) {
                counts[class] += 1;
                break;
            }
        }
    }
    Some(counts)
}

/// The cheapest, at most so many.
pub(super) fn first(mut choices: Vec<Choice>, most: usize) -> Vec<Choice> {
    choices.sort_unstable();
    choices.truncate(most);
    choices
}
