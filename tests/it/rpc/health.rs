//! `grpc.health.v1`, as its specification has it.

use std::time::Duration;

use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_types::StatusExt as _;

use crate::harness::answers::reason;
use crate::harness::{Harness, eventually};

const UNKNOWN: &str = "countersign.v1.NoService";

async fn health(harness: &Harness) -> HealthClient<Channel> {
    let server = format!("http://{}", harness.tcp_address());
    HealthClient::new(Channel::from_shared(server).unwrap().connect().await.unwrap())
}

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

async fn next(changes: &mut Streaming<HealthCheckResponse>) -> Result<Option<ServingStatus>, Status> {
    Ok(changes.message().await?.map(|answer| answer.status()))
}

#[tokio::test]
async fn a_service_that_is_not_known_is_not_found_by_check_and_a_message_of_watch() {
    let harness = Harness::start().await;
    let mut health = health(&harness).await;
    for service in ["", "countersign.v1.VerificationService"] {
        let answer = health.check(of(service)).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service:?}");
    }
    let refusal = health.check(of(UNKNOWN)).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::NotFound, "SERVICE_UNKNOWN".to_owned()));
    assert_eq!(refusal.get_details_error_info().unwrap().metadata["service"], UNKNOWN);
    let mut changes = health.watch(of(UNKNOWN)).await.unwrap().into_inner();
    assert_eq!(next(&mut changes).await.unwrap(), Some(ServingStatus::ServiceUnknown));
    harness.stop().await;
}

#[tokio::test]
async fn who_watches_sees_the_server_go_and_does_not_hold_it() {
    let harness = Harness::start().await;
    let mut health = health(&harness).await;
    let mut known = health.watch(of("")).await.unwrap().into_inner();
    let mut unknown = health.watch(of(UNKNOWN)).await.unwrap().into_inner();
    assert_eq!(next(&mut known).await.unwrap(), Some(ServingStatus::Serving));
    assert_eq!(next(&mut unknown).await.unwrap(), Some(ServingStatus::ServiceUnknown));
    // The server's grace is five seconds.
    let stopped = tokio::time::timeout(Duration::from_secs(4), harness.stop()).await;
    assert!(stopped.is_ok(), "the streams held the server");
    assert_eq!(next(&mut known).await.unwrap(), Some(ServingStatus::NotServing));
    assert_eq!(next(&mut known).await.unwrap(), None);
    assert_eq!(next(&mut unknown).await.unwrap(), None);
}

#[tokio::test]
async fn streams_of_others_leave_each_connection_two_open_requests() {
    let harness = Harness::start().await;
    let watch = async |health: &HealthClient<Channel>| health.clone().watch(of("")).await;
    // There are 128 slots, and none of these connections has as many streams as it may have.
    let mut greedy = Vec::new();
    for _ in 0..4 {
        greedy.push(health(&harness).await);
    }
    let mut held = Vec::new();
    for number in 0..128 {
        held.push(watch(&greedy[number % 4]).await.unwrap());
    }
    let refusal = watch(&greedy[0]).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::Unavailable, "OVERLOADED".to_owned()));
    let mut other = health(&harness).await;
    let answers = [watch(&other).await.unwrap(), watch(&other).await.unwrap()];
    let refusal = watch(&other).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::Unavailable, "OVERLOADED".to_owned()));
    drop(answers);
    eventually("a check is answered", async || other.check(of("")).await.is_ok()).await;
    drop(held);
    eventually("the slots are free again", async || watch(&greedy[0]).await.is_ok()).await;
    harness.stop().await;
}
