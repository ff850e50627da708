//! `AssuranceService`, and what the other services do with it.

mod bounds;
mod clients;
mod decisions;
mod enrollment;
mod evidence;
mod many;
mod plans;
mod rules;

use std::collections::BTreeMap;

use countersign::wire::pb;
use countersign::wire::pb::step::Step;
use tonic::Status;

use crate::harness::assurance::session;
use crate::harness::{Client, Harness, Wish};

/// A request id.
const REQUEST: &str = "00000000-0000-4000-8000-000000000001";

const REQUIREMENTS: &[(&str, &str)] = &[
    ("login", "password and (totp or hotp or recovery_codes)"),
    ("device", "totp or hotp or recovery_codes"),
    ("token", "hotp within 5m"),
    ("strong", "possession & not recovery"),
    ("two", "distinct(possession & not recovery, possession & not recovery)"),
    ("payout", "password for transaction"),
    ("impossible", "hardware_bound"),
];

async fn server() -> Harness {
    Harness::start_with(Wish { requirements: REQUIREMENTS, ..Wish::default() }).await
}

fn asks(requirements: &[&str]) -> pb::EvaluateRequest {
    pb::EvaluateRequest {
        subject: "alice".to_owned(),
        context: Some(session("here")),
        requirements: requirements.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    }
}

async fn evaluate(client: &Client, request: &pb::EvaluateRequest) -> Result<pb::EvaluateResponse, Status> {
    client.send("AssuranceService/Evaluate", request).await
}

async fn decide(client: &Client, requirement: &str) -> pb::Decision {
    client.evaluate(session("here"), "alice", requirement).await
}

/// Plans in few words: each step as its kind and the names of the devices, or as the external method.
fn plans(decision: &pb::Decision, names: &BTreeMap<String, String>) -> Vec<Vec<String>> {
    let step = |step: &pb::Step| match step.step.as_ref().unwrap() {
        Step::External(name) => name.clone(),
        Step::Device(step) => {
            let kind = step.kind().as_str_name().trim_start_matches("DEVICE_KIND_").to_lowercase();
            let devices: Vec<_> = step.device_ids.iter().map(|id| names[id].as_str()).collect();
            format!("{kind}: {}", devices.join(", "))
        }
    };
    decision.plans.iter().map(|plan| plan.steps.iter().map(step).collect()).collect()
}

async fn names(client: &Client) -> BTreeMap<String, String> {
    let states = [pb::DeviceState::Active, pb::DeviceState::Locked, pb::DeviceState::Suspended];
    let states = states.map(i32::from).to_vec();
    let request = pb::ListDevicesRequest { subject: "alice".to_owned(), states, ..Default::default() };
    let answer: pb::ListDevicesResponse = client.send("DeviceService/ListDevices", &request).await.unwrap();
    answer.devices.into_iter().map(|device| (device.id, device.name)).collect()
}
