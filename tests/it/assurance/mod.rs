//! Has this user proved enough? What counts where, on every database, with the control: the same evidence in
//! its right place counts.

mod advice;
mod clients;
mod devices;
mod expiry;
mod grace;
mod guard;
mod guard_codes;
mod guard_scope;
mod limit;
mod many_pieces;
mod opening;
mod order;
mod own_replay;
mod revocation;
mod revoked_late;
mod ride_along;
mod rules;
mod transactions;
mod verify;

use std::sync::Arc;

use countersign::domain::policy::{Policies, Policy};
use countersign::domain::refusal::Refusal;
use countersign::error::Error;

use crate::harness::databases::TestDatabase;
use crate::harness::replica::{Replica, clock};
use crate::harness::rulebook;

/// What these tests ask for.
const REQUIREMENTS: &[(&str, &str)] = &[
    ("anything", "any"),
    ("device", "totp or hotp or recovery_codes"),
    ("knows", "password"),
    ("login", "password and (totp or hotp or recovery_codes)"),
    ("lasting", "hotp & not recovery"),
    ("strong", "possession & not recovery"),
    ("soon", "hotp within 5m"),
    ("approved", "hotp for transaction"),
    ("agreed", "password for transaction"),
    ("signed", "(password and hotp) for transaction"),
];

/// A replica that goes by them.
async fn replica(database: &TestDatabase) -> Arc<Replica> {
    replica_with(database, Policy::default()).await
}

/// A replica that goes by them, with other settings.
async fn replica_with(database: &TestDatabase, policy: Policy) -> Arc<Replica> {
    let policies = Policies { default: policy, ..Policies::default() };
    let replica = Replica::start(database, &clock(), policies).await;
    replica.service.replace_rulebook(rulebook(REQUIREMENTS));
    replica
}

/// Several replicas that go by them.
async fn replicas(database: &TestDatabase, count: usize) -> Vec<Arc<Replica>> {
    let mut policies = Policies::default();
    // Codes are offered in any order.
    policies.default.kinds.set(&countersign::kinds::hotp::settings::LOOK_AHEAD, 5);
    let replicas = Replica::several(database, count, &clock(), &policies).await;
    for replica in &replicas {
        replica.service.replace_rulebook(rulebook(REQUIREMENTS));
    }
    replicas
}

/// Whether more must be proved first.
fn is_step_up<T>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(Error::Refused(Refusal::StepUpRequired(_))))
}
