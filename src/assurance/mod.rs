//! Assurance: has this subject proved enough for what they are about to do, and if not, what is the least
//! that they must still do? Pure: evidence, devices and the time are arguments.
//!
//! [`counting`] says what counts, [`requirement`] what is asked, [`decide`] whether it is enough and until
//! when, [`plan`] what is missing, [`advice`] whether it can be enrolled.

pub mod advice;
pub mod budget;
pub mod candidate;
pub mod changes;
pub mod choice;
pub mod compare;
pub mod counting;
pub mod decide;
mod enroll;
pub mod explain;
pub mod feasible;
pub mod goal;
pub mod lasting;
pub mod plan;
pub mod presets;
pub mod requirement;
pub mod rulebook;
pub mod rules;
pub mod search;
pub mod steps;
pub mod vocabulary;

#[cfg(test)]
mod tests;
