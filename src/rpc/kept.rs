//! Reads from an answer that was kept for a `request_id` what its decisions rest on.

use crate::domain::ids::EvidenceId;
use crate::service::Kept;
use crate::wire::convert::moment;
use crate::wire::pb;

/// The evidence and times to check before the decisions of a kept answer are repeated. `None`: no decision lets
/// anybody in, so nothing has to be checked.
pub(super) fn of(each: &[pb::Decision], joint: Option<&pb::Decision>) -> Option<Kept> {
    let mut kept = Kept::default();
    let mut lets_in = false;
    for decision in each.iter().chain(joint) {
        if decision.outcome() == pb::DecisionOutcome::Satisfied {
            lets_in = true;
            kept.evidence.extend(decision.evidence_ids.iter().map(|id| EvidenceId::trusted(id)));
            kept.until.extend(decision.valid_until_time.as_ref().map(moment));
        }
        if decision.grace_until_time.is_some() {
            (lets_in, kept.has_grace) = (true, true);
        }
    }
    lets_in.then_some(kept)
}
