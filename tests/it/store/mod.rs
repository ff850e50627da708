//! The store, on every database.

mod conditions;
mod fixtures;
mod schema;
