//! Refused credentials, roles and step-ups are counted, and logged at a bounded rate and without the credential. Faults are
//! logged at a bounded rate, too.

use countersign::auth::Role;
use countersign::ops::refused::Reason;
use countersign::wire::pb;
use sea_orm::{ConnectionTrait as _, Database};
use tonic_types::StatusExt as _;

use crate::harness::answers::refused;
use crate::harness::assurance::session;
use crate::harness::fixture::{SECRET, WRONG};
use crate::harness::{Client, Harness, Process};

const WRONG_TOKEN: &str = "cs_0000000000000000000000000000000000000000000";

async fn delete_in(client: &Client, device: &pb::Device, context: Option<pb::Context>) -> String {
    let request = pb::DeleteDeviceRequest {
        subject: device.subject.clone(),
        device_id: device.id.clone(),
        context,
        ..Default::default()
    };
    let answer: Result<pb::DeleteDeviceResponse, _> =
        client.send("DeviceService/DeleteDevice", &request).await;
    refused(&answer.unwrap_err())
}

#[tokio::test]
async fn each_refused_credential_role_and_step_up_is_counted() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    // Other refusals are not counted.
    client.device("alice", "nothing").await.unwrap_err();
    client.says("alice", &device.id, WRONG).await;
    let counts = || Reason::ALL.map(|reason| harness.refused().count(reason));
    assert_eq!(counts(), [0, 0, 0]);
    for client in [
        harness.client_with(None).await,
        harness.client_with(Some(WRONG_TOKEN)).await,
        harness.unix_client_without_token().await,
    ] {
        client.device("alice", &device.id).await.unwrap_err();
    }
    assert_eq!(counts(), [3, 0, 0]);
    harness.client_as(Role::Audit).await.device("alice", &device.id).await.unwrap_err();
    let manager = harness.client_as(Role::Manage).await;
    assert_eq!(delete_in(&manager, &device, None).await, "ROLE_MISSING");
    assert_eq!(counts(), [3, 2, 0]);
    assert_eq!(delete_in(&manager, &device, Some(session("s"))).await, "STEP_UP_REQUIRED");
    assert_eq!(counts(), [3, 2, 1]);
    harness.stop().await;
}

#[tokio::test]
async fn a_flood_of_wrong_tokens_is_a_few_lines_that_do_not_hold_the_token() {
    let server = Process::start(&[("COUNTERSIGN_LOG_FORMAT", "json")]).await;
    let stranger = server.client_with(WRONG_TOKEN).await;
    for _ in 0..200 {
        stranger.device("alice", "nothing").await.unwrap_err();
    }
    let manager = server.client().await;
    let device = manager.active_hotp("alice", "token", SECRET).await;
    assert_eq!(delete_in(&manager, &device, Some(session("s"))).await, "STEP_UP_REQUIRED");
    let log = server.stop().await;
    assert!(!log.contains(WRONG_TOKEN), "{log}");
    let lines: Vec<serde_json::Value> = log
        .lines()
        .filter(|line| line.contains("a request was refused"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |reason: &str| lines.iter().filter(|line| line["reason"] == reason).collect::<Vec<_>>();
    let unknown = of("caller_unknown");
    assert!((1..100).contains(&unknown.len()), "{log}");
    assert_eq!(unknown[0]["rpc"], "/countersign.v1.DeviceService/GetDevice");
    assert_eq!((&unknown[0]["caller"], &unknown[0]["left_out"]), (&"unknown".into(), &0.into()));
    assert!(unknown[0]["peer"].as_str().unwrap().starts_with("127.0.0.1:"));
    let step_up = of("step_up_required");
    assert_eq!((step_up.len(), &step_up[0]["caller"]), (1, &"first".into()));
}

#[tokio::test]
async fn a_flood_of_requests_that_fail_is_a_few_lines_with_the_names_of_requests() {
    let server = Process::start(&[("COUNTERSIGN_LOG_FORMAT", "json")]).await;
    let client = server.client().await;
    let file = server.dir.path().join("data/countersign.db");
    let db = Database::connect(format!("sqlite:{}", file.display())).await.unwrap();
    db.execute_unprepared("ALTER TABLE device RENAME TO gone").await.unwrap();
    let fails = async || {
        let refusal = client.device("alice", "nothing").await.unwrap_err();
        assert_eq!(refused(&refusal), "INTERNAL");
        refusal.get_details_request_info().unwrap().request_id
    };
    let first = fails().await;
    for _ in 0..200 {
        fails().await;
    }
    db.execute_unprepared("ALTER TABLE gone RENAME TO device").await.unwrap();
    db.close().await.unwrap();
    let log = server.stop().await;
    let lines: Vec<serde_json::Value> = log
        .lines()
        .filter(|line| line.contains("a request failed"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!((1..100).contains(&lines.len()), "{log}");
    assert_eq!((&lines[0]["request_id"], &lines[0]["left_out"]), (&first.as_str().into(), &0.into()));
    assert!(lines[0]["error"].as_str().unwrap().starts_with("reading a device failed"), "{log}");
}
