//! Every piece of evidence that can make a difference between two requirements.

use std::time::Duration;

use super::super::requirement::Requirement;
use super::super::requirement::expression::Leaf;
use super::super::requirement::holds::LeafSet;
use super::super::vocabulary::Vocabulary;
use crate::domain::method::Sort;
use crate::domain::strength::Strength;

/// A sort of evidence.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// Which method, by its number in the vocabulary.
    pub(super) method: usize,
    /// Which method.
    pub(super) sort: Sort,
    /// Worth this.
    pub(super) strength: Strength,
    /// Given so long ago.
    pub(super) age: Duration,
    /// Given for the transaction.
    pub(super) for_transaction: bool,
    /// The leaves of the requirement that is to be satisfied.
    pub(super) one: LeafSet,
    /// The leaves of the requirement that is not.
    pub(super) other: LeafSet,
}

/// A source in a world: so much evidence by one device or external method.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    /// Which method, by its number in the vocabulary.
    pub(super) method: usize,
    /// The leaves of the other requirement that it meets.
    pub(super) other: LeafSet,
    /// Its evidence, by the numbers of the items.
    pub(super) items: Vec<usize>,
}

/// Sources.
pub(super) type World = Vec<Source>;

/// The items that can make a difference.
pub(super) fn items(one: &Requirement, other: &Requirement, vocabulary: &Vocabulary) -> Vec<Item> {
    let mut items = all(one, other, vocabulary);
    // By the same method, what meets more of the one requirement and less of the other can stand for an item.
    let mut index = 0;
    while index < items.len() {
        let outdone = |other: &Item| items[index].method == other.method && items[index].is_outdone(other);
        if items.iter().enumerate().any(|(n, other)| n != index && outdone(other)) {
            items.remove(index);
        } else {
            index += 1;
        }
    }
    // A source of a method can be exchanged for a new device of a kind that can do all the same.
    let methods: Vec<usize> = (0..vocabulary.iter().count()).collect();
    let covers = |kind: usize, method: usize| {
        let mut by_kind = items.iter().filter(|item| item.method == kind).peekable();
        let is_kind = by_kind.peek().is_some_and(|item| matches!(item.sort, Sort::Kind(_)));
        let by_kind: Vec<&Item> = by_kind.collect();
        let mut by_method = items.iter().filter(|item| item.method == method);
        is_kind && by_method.all(|item| by_kind.iter().any(|better| item.is_outdone(better)))
    };
    let is_needless = |method: &usize| {
        let others = methods.iter().filter(|other| *other != method);
        others
            .into_iter()
            .any(|other| covers(*other, *method) && (other < method || !covers(*method, *other)))
    };
    let needless: Vec<usize> = methods.iter().copied().filter(is_needless).collect();
    items.retain(|item| !needless.contains(&item.method));
    items
}

impl Item {
    /// Whether another one meets no less of the one requirement, and no more of the other.
    fn is_outdone(&self, by: &Self) -> bool {
        self.one & by.one == self.one && by.other & self.other == by.other
    }
}

/// Of each method, one item for each pair of leaf sets that it can meet.
fn all(one: &Requirement, other: &Requirement, vocabulary: &Vocabulary) -> Vec<Item> {
    // Evidence of exactly such an age is too old for that duration, and fresh for every longer one.
    let mut ages: Vec<Duration> = one.durations().chain(other.durations()).chain([Duration::ZERO]).collect();
    ages.sort_unstable();
    ages.dedup();
    let mut items: Vec<Item> = Vec::new();
    for (method, entry) in vocabulary.iter().enumerate() {
        for strength in &entry.strengths {
            for age in &ages {
                for for_transaction in [false, true] {
                    let meets = |leaf: &Leaf| {
                        leaf.takes(for_transaction)
                            && leaf.within.is_none_or(|within| *age < within)
                            && leaf.selector.accepts_sort(&entry.sort, strength)
                    };
                    let met = |requirement: &Requirement| super::super::lasting::leaves(requirement, meets);
                    let (one, other) = (met(one), met(other));
                    let known = items
                        .iter()
                        .any(|item| item.method == method && (item.one, item.other) == (one, other));
                    if one != 0 && !known {
                        items.push(Item {
                            method,
                            sort: entry.sort.clone(),
                            strength: strength.clone(),
                            age: *age,
                            for_transaction,
                            one,
                            other,
                        });
                    }
                }
            }
        }
    }
    items
}

/// How many sources of a sort there can be.
pub(super) fn copies(sort: &Sort, copies: usize) -> usize {
    match sort {
        Sort::Kind(_) => copies,
        Sort::External(_) => 1,
    }
}
