//! Which of two requirements asks for more, with an example that tells them apart.
//!
//! Exact over everything that the vocabulary can produce: each method with each of its strengths, as fresh
//! as any duration that is spoken of, given for the transaction or not, by any number of devices. One
//! requirement is at least as strong as the other if no such evidence satisfies it and not the other.

mod avoid;
pub mod books;
mod build;
mod item;
mod witness;

#[cfg(test)]
mod tests;

pub use witness::{Piece, Witness};

use super::requirement::Requirement;
use super::vocabulary::Vocabulary;
use item::items;

/// How a new requirement stands to an old one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relation {
    /// The same evidence satisfies both.
    Same,
    /// The new one asks for more. The example satisfies the old one only.
    Stronger(Witness),
    /// The new one asks for less. The example satisfies the new one only.
    Weaker(Witness),
    /// Each asks for something that the other does not.
    Incomparable {
        /// Satisfies the old one only.
        old_only: Witness,
        /// Satisfies the new one only.
        new_only: Witness,
    },
    /// There are too many cases: both nest `distinct` near the limits of what a requirement may be.
    Undecided,
}

/// There are too many cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TooMany;

/// Compares two requirements, over all that the methods of a vocabulary can give.
#[must_use]
pub fn compare(old: &Requirement, new: &Requirement, vocabulary: &Vocabulary) -> Relation {
    if old.expression() == new.expression() {
        return Relation::Same;
    }
    let old_only = separates(old, new, vocabulary);
    let new_only = separates(new, old, vocabulary);
    match (old_only, new_only) {
        (Ok(None), Ok(None)) => Relation::Same,
        (Ok(Some(witness)), Ok(None)) => Relation::Stronger(witness),
        (Ok(None), Ok(Some(witness))) => Relation::Weaker(witness),
        (Ok(Some(old_only)), Ok(Some(new_only))) => Relation::Incomparable { old_only, new_only },
        (Err(TooMany), _) | (_, Err(TooMany)) => Relation::Undecided,
    }
}

/// Evidence that satisfies one requirement and not the other.
fn separates(
    one: &Requirement,
    other: &Requirement,
    vocabulary: &Vocabulary,
) -> Result<Option<Witness>, TooMany> {
    let items = items(one, other, vocabulary);
    let world = if other.program().is_distinct() {
        build::world(one, other.program(), &items)?
    } else {
        avoid::world(one.program(), other.program(), &items)
    };
    Ok(world.map(|world| Witness::of(world, &items, one.program())))
}
