//! Where the other requirement tells sources apart: build every smallest world that satisfies the first one,
//! and drop each as soon as the other is satisfied too.
//!
//! Two things keep it exact and small. Of the evidence of one method, only what meets least of the other
//! requirement is tried. And two sources of one method become one wherever they may: by fewer sources,
//! `distinct` is never satisfied sooner.

use std::cell::Cell;

use super::super::requirement::Requirement;
use super::super::requirement::expression::Expression;
use super::super::requirement::holds::{LeafSet, Program};
use super::TooMany;
use super::item::{Item, Source, World};
use crate::domain::method::Sort;

/// How many worlds are kept at once.
const WORLDS_MAX: usize = 1000;
/// How many worlds are looked at.
const EFFORT_MAX: usize = 100_000;

/// A world in which `one` holds and `other` does not.
pub(super) fn world(one: &Requirement, other: &Program, items: &[Item]) -> Result<Option<World>, TooMany> {
    let builder = Builder { other, items, effort: Cell::new(0) };
    Ok(builder.worlds(one.expression(), &mut 0)?.into_iter().next())
}

struct Builder<'a> {
    other: &'a Program,
    items: &'a [Item],
    effort: Cell<usize>,
}

impl Builder<'_> {
    fn worlds(&self, expression: &Expression, next: &mut u32) -> Result<Vec<World>, TooMany> {
        let Expression::Leaf(_) = expression else {
            let parts: Vec<Vec<World>> =
                expression.parts().iter().map(|part| self.worlds(part, next)).collect::<Result<_, _>>()?;
            return self.combined(expression, parts);
        };
        let bit: LeafSet = 1_u16.checked_shl(*next).unwrap_or(0);
        *next += 1;
        let meeting: Vec<usize> =
            (0..self.items.len()).filter(|index| self.items[*index].one & bit != 0).collect();
        let least = |index: &&usize| {
            let Item { method, other, .. } = self.items[**index];
            !meeting
                .iter()
                .map(|n| &self.items[*n])
                .any(|item| item.method == method && item.other != other && item.other & other == item.other)
        };
        let single = |index: &usize| {
            let Item { method, other, .. } = self.items[*index];
            vec![Source { method, other, items: vec![*index] }]
        };
        self.pruned(meeting.iter().filter(least).map(single).collect())
    }

    fn combined(&self, expression: &Expression, parts: Vec<Vec<World>>) -> Result<Vec<World>, TooMany> {
        let start = || vec![World::new()];
        match expression {
            Expression::Leaf(_) | Expression::Any(_) => self.pruned(parts.into_iter().flatten().collect()),
            Expression::All(_) => parts.iter().try_fold(start(), |worlds, part| self.both(&worlds, part)),
            Expression::Distinct(_) => {
                parts.iter().try_fold(start(), |worlds, part| self.apart(&worlds, part))
            }
            Expression::AtLeast(count, _) => {
                // met[n]: the worlds that meet n of the parts so far.
                let mut met: Vec<Vec<World>> = vec![Vec::new(); count + 1];
                met[0] = start();
                for part in &parts {
                    for n in (1..=*count).rev() {
                        let mut worlds = std::mem::take(&mut met[n]);
                        worlds.extend(self.both(&met[n - 1], part)?);
                        met[n] = self.pruned(worlds)?;
                    }
                }
                Ok(met.pop().unwrap_or_default())
            }
        }
    }

    /// Both, with as few sources as can be.
    fn both(&self, left: &[World], right: &[World]) -> Result<Vec<World>, TooMany> {
        let mut worlds = Vec::new();
        for (one, two) in pairs(left, right) {
            merge(one.clone(), two, &mut vec![false; one.len()], &mut worlds);
            if worlds.len() > WORLDS_MAX {
                worlds = self.pruned(worlds)?;
            }
        }
        self.pruned(worlds)
    }

    /// Both, with no source in common.
    fn apart(&self, left: &[World], right: &[World]) -> Result<Vec<World>, TooMany> {
        let mut worlds = Vec::new();
        for (one, two) in pairs(left, right) {
            let is_shared = |source: &Source| {
                let external = self
                    .items
                    .iter()
                    .any(|item| item.method == source.method && matches!(item.sort, Sort::External(_)));
                external && two.iter().any(|other| other.method == source.method)
            };
            if !one.iter().any(is_shared) {
                worlds.push(one.iter().chain(two).cloned().collect());
            }
            if worlds.len() > WORLDS_MAX {
                worlds = self.pruned(worlds)?;
            }
        }
        self.pruned(worlds)
    }

    /// Without those that satisfy the other requirement, and those that have no less than another one.
    fn pruned(&self, worlds: Vec<World>) -> Result<Vec<World>, TooMany> {
        self.effort.set(self.effort.get() + worlds.len());
        if self.effort.get() > EFFORT_MAX {
            return Err(TooMany);
        }
        let mut worlds: Vec<World> = worlds
            .into_iter()
            .filter(|world| !self.other.holds(&world.iter().map(|source| source.other).collect::<Vec<_>>()))
            .map(|mut world| {
                world.sort();
                world
            })
            .collect();
        worlds.sort_by_key(|world| (world.len(), world.iter().map(|s| s.other.count_ones()).sum::<u32>()));
        let mut kept: Vec<World> = Vec::new();
        for world in worlds {
            if !kept.iter().any(|least| is_within(least, &world)) {
                kept.push(world);
            }
            if kept.len() > WORLDS_MAX {
                return Err(TooMany);
            }
        }
        Ok(kept)
    }
}

fn pairs<'a>(left: &'a [World], right: &'a [World]) -> impl Iterator<Item = (&'a World, &'a World)> {
    left.iter().flat_map(|one| right.iter().map(move |two| (one, two)))
}

/// Whether each source of one world has its like in the other, and meets no more.
fn is_within(least: &World, world: &World) -> bool {
    least.len() == world.len()
        && least
            .iter()
            .zip(world)
            .all(|(one, two)| one.method == two.method && one.other & two.other == one.other)
}

/// Adds the sources of a world to another: each into a source of its method that has no other yet, in every
/// way; as its own only where there is none.
fn merge(world: World, added: &[Source], taken: &mut Vec<bool>, worlds: &mut Vec<World>) {
    let Some((source, rest)) = added.split_first() else {
        worlds.push(world);
        return;
    };
    // A source left over here may be one of several to come: skipping a partner is tried while another of
    // the method is still to be placed.
    let partners: Vec<usize> =
        (0..taken.len()).filter(|n| !taken[*n] && world[*n].method == source.method).collect();
    let waiting = rest.iter().filter(|other| other.method == source.method).count();
    for partner in &partners {
        let mut merged = world.clone();
        merged[*partner].other |= source.other;
        merged[*partner].items.extend_from_slice(&source.items);
        taken[*partner] = true;
        merge(merged, rest, taken, worlds);
        taken[*partner] = false;
    }
    if partners.len() <= waiting {
        let mut alone = world;
        alone.push(source.clone());
        merge(alone, rest, taken, worlds);
    }
}
