//! The store, on every database.

mod broken_devices;
mod chain;
mod conditions;
mod fixtures;
mod gate;
mod groups;
mod guessing;
mod guessing_all_ways;
mod guessing_with_a_device;
mod interleavings;
mod keys;
mod late;
mod lost_answers;
mod once;
mod requests;
mod rights;
mod schema;
mod sealing;
mod secrets;
mod shedding;
mod subjects;
mod sweep;
mod turns;
mod unwritten;
mod used_ids;
mod withdrawn;
