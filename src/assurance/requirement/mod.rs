//! Requirements: how much evidence an action needs.
//!
//! A requirement is text ([`parser`]), then an expression in which every name stands for what it means
//! ([`resolve`], [`expression`]), then a small program over sets of leaves ([`holds`]).

pub mod expression;
pub mod holds;
pub mod lexer;
pub mod macros;
pub mod mistake;
mod packing;
pub mod parser;
mod print;
pub mod resolve;
pub mod selector;
pub mod set;
pub mod syntax;

#[cfg(test)]
mod tests;

pub use print::shortest;

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use self::expression::{Expression, Leaf};
use self::holds::Program;

/// How deep a requirement may be nested.
pub const DEPTH_MAX: usize = 6;
/// How many leaves a requirement may have, expanded.
pub const LEAVES_MAX: usize = 16;
/// In how many ways a requirement may be met, leaf by leaf.
pub const ALTERNATIVES_MAX: u64 = 64;
/// How many leaves a `distinct` may have of which a part asks for several pieces of evidence. Whether it holds is found
/// out in at most 2 to that number of steps for each source.
pub const PACKED_LEAVES_MAX: usize = 8;
/// How long the text of a requirement may be, in bytes.
pub const TEXT_MAX: usize = 4096;

/// A requirement in force.
#[derive(Debug, Clone)]
pub struct Requirement {
    name: String,
    text: String,
    revision: String,
    expression: Expression,
    leaves: Vec<Leaf>,
    program: Program,
}

/// The first 12 hexadecimal digits of the SHA-256 of a text.
pub(super) fn revision_of(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    data_encoding::HEXLOWER.encode(&digest[..6])
}

impl Requirement {
    /// Of an expression that is within the limits.
    fn new(name: &str, expression: Expression) -> Self {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = print::write(&expression, &mut text);
        let leaves = expression.leaves().into_iter().cloned().collect();
        let program = Program::of(&expression);
        let revision = revision_of(&text);
        Self { name: name.to_owned(), text, revision, expression, leaves, program }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its text, with every name and macro expanded.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Changes with its text: 12 hexadecimal digits of SHA-256.
    #[must_use]
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// What it asks.
    #[must_use]
    pub fn expression(&self) -> &Expression {
        &self.expression
    }

    /// Its leaves, from left to right.
    #[must_use]
    pub fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// What decides it.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Whether any of it must be given for the transaction.
    #[must_use]
    pub fn is_for_transaction(&self) -> bool {
        self.leaves.iter().any(|leaf| leaf.for_transaction)
    }

    /// The same requirement as a guard of devices: only a leaf with `for transaction` accepts evidence for a
    /// transaction.
    #[must_use]
    pub fn guarding(self) -> Self {
        let expression = self.expression.guarding();
        let leaves = expression.leaves().into_iter().cloned().collect();
        Self { expression, leaves, ..self }
    }

    /// True if a leaf refuses evidence that was given for a transaction.
    #[must_use]
    pub fn is_guarding(&self) -> bool {
        self.leaves.iter().any(|leaf| leaf.not_for_transaction)
    }

    /// The durations that it speaks of.
    pub fn durations(&self) -> impl Iterator<Item = Duration> {
        self.leaves.iter().filter_map(|leaf| leaf.within)
    }
}
