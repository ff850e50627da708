//! What is sent, made before the clock runs.

use countersign::wire::pb;
use hyper::body::Bytes;
use prost::Message as _;

use super::call::{Reply, frame};
use super::{Order, What};
use crate::fleet::{self, Member};

/// The method that is called.
pub fn method(what: What) -> &'static str {
    match what {
        What::Verify | What::VerifyOnce | What::Malformed | What::Throttled => {
            "/countersign.v1.VerificationService/Verify"
        }
        What::Evaluate => "/countersign.v1.AssuranceService/Evaluate",
        What::Empty => "/grpc.health.v1.Health/Check",
    }
}

/// The messages, and whether each may be sent only once.
pub fn bodies(order: &Order) -> (Vec<Bytes>, bool) {
    match order.what {
        What::Verify | What::VerifyOnce => (codes(order), true),
        What::Empty => (vec![Bytes::from_static(&[0; 5])], false),
        What::Evaluate => (fleet(order).map(|member| question(&member)).collect(), false),
        // No code has so few digits.
        What::Malformed => (fleet(order).map(|member| attempt(&member, "123".to_owned())).collect(), false),
        What::Throttled => {
            (fleet(order).map(|member| attempt(&member, "000000".to_owned())).collect(), false)
        }
    }
}

fn fleet(order: &Order) -> impl Iterator<Item = Member> + use<> {
    let (first, stride) = (order.first, order.stride);
    (0..order.devices).map(move |place| fleet::member((first + place) * stride))
}

/// Codes for every call that could be made in the time, device after device.
fn codes(order: &Order) -> Vec<Bytes> {
    let calls = (order.seconds + order.warm_up) * order.at_most;
    let rounds = order.rounds.unwrap_or((calls / order.devices as f64).ceil() as u64);
    let fleet: Vec<_> = fleet(order)
        .map(|member| {
            let generator = fleet::generator(&member);
            (member, generator)
        })
        .collect();
    let mut bodies = Vec::new();
    for counter in order.counter..order.counter + rounds {
        for (place, (member, generator)) in fleet.iter().enumerate() {
            let code = fleet::code(generator, counter).expose().to_owned();
            let request_id = match order.what {
                What::VerifyOnce => format!("{counter:08x}-0000-4000-8000-{place:012x}"),
                _ => String::new(),
            };
            bodies.push(frame(&pb::VerifyRequest { request_id, ..attempted(member, code) }));
        }
    }
    bodies
}

fn attempt(member: &Member, code: String) -> Bytes {
    frame(&attempted(member, code))
}

fn attempted(member: &Member, code: String) -> pb::VerifyRequest {
    pb::VerifyRequest {
        subject: member.subject.as_str().to_owned(),
        device_id: member.id.as_str().to_owned(),
        proof: Some(pb::Proof { proof: Some(pb::proof::Proof::Code(code)) }),
        context: Some(context(member)),
        ..Default::default()
    }
}

fn question(member: &Member) -> Bytes {
    frame(&pb::EvaluateRequest {
        subject: member.subject.as_str().to_owned(),
        context: Some(context(member)),
        requirements: vec![fleet::REQUIREMENT.to_owned()],
        ..Default::default()
    })
}

fn context(member: &Member) -> pb::Context {
    pb::Context { session: fleet::session(member), ..Default::default() }
}

/// What a reply says, if not what it should.
pub fn what_else(what: What, reply: &Reply) -> Option<String> {
    if reply.code != 0 {
        return Some(format!("status {}", reply.code));
    }
    let verdict = || pb::VerifyResponse::decode(reply.message.clone()).ok().and_then(|r| r.verdict);
    let expected = match what {
        What::Empty => return None,
        What::Evaluate => return undecided(reply),
        What::Verify | What::VerifyOnce => (pb::Outcome::Accepted, pb::RejectReason::Unspecified),
        What::Malformed => (pb::Outcome::Rejected, pb::RejectReason::Malformed),
        What::Throttled => (pb::Outcome::Throttled, pb::RejectReason::Unspecified),
    };
    let Some(verdict) = verdict() else { return Some("no verdict".to_owned()) };
    let said = (verdict.outcome(), verdict.reject_reason());
    (said != expected).then(|| format!("{} {}", said.0.as_str_name(), said.1.as_str_name()))
}

/// Every subject of the fleet has proved what is asked for.
fn undecided(reply: &Reply) -> Option<String> {
    let decisions = pb::EvaluateResponse::decode(reply.message.clone()).ok()?.decisions;
    let outcome = decisions.first().map(pb::Decision::outcome);
    (outcome != Some(pb::DecisionOutcome::Satisfied)).then(|| format!("decision {outcome:?}"))
}
