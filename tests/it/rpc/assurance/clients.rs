//! Remembered clients, and the requirements in force.

use std::time::Duration;

use countersign::wire::pb;
use tonic::Status;

use super::REQUEST;
use crate::harness::answers::refused;
use crate::harness::fixture::NOBODYS;
use crate::harness::{Client, Harness, START, rulebook};
use crate::rpc::throttle::moment;

async fn clients(client: &Client) -> Vec<pb::Client> {
    let request = pb::ListClientsRequest { subject: "alice".to_owned() };
    let answer: pb::ListClientsResponse =
        client.send("AssuranceService/ListClients", &request).await.unwrap();
    answer.clients
}

#[tokio::test]
async fn a_client_is_remembered_listed_and_forgotten() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let request = pb::RememberClientRequest {
        subject: "alice".to_owned(),
        name: "Firefox on Linux".to_owned(),
        duration: Some(prost_types::Duration { seconds: 3600, nanos: 0 }),
        request_id: REQUEST.to_owned(),
    };
    let remember = async |request: &pb::RememberClientRequest| {
        let answer: Result<pb::RememberClientResponse, Status> =
            client.send("AssuranceService/RememberClient", request).await;
        answer.map_err(|status| refused(&status))
    };
    let first = remember(&request).await.unwrap();
    assert_eq!(remember(&request).await, Ok(first.clone()), "a retry gets the same token");
    assert!(first.client_token.starts_with("csc_") && first.client_token.len() == 68);
    let known = first.client.unwrap();
    assert_eq!(known.name, "Firefox on Linux");
    assert_eq!((&known.create_time, &known.last_seen_time), (&Some(moment(START)), &Some(moment(START))));
    assert_eq!(known.expire_time, Some(moment(START.plus(Duration::from_secs(3600)))));
    harness.clock.advance(Duration::from_secs(1));
    let second = client.remember("alice", "phone").await.client.unwrap();
    assert_eq!(clients(&client).await, [second.clone(), known.clone()], "most recently seen first");
    let forget = async |client_ids: Vec<String>| {
        let request =
            pb::ForgetClientsRequest { subject: "alice".to_owned(), client_ids, request_id: String::new() };
        let answer: Result<pb::ForgetClientsResponse, Status> =
            client.send("AssuranceService/ForgetClients", &request).await;
        answer.map(|answer| answer.forgotten_count).map_err(|status| refused(&status))
    };
    assert_eq!(forget(vec![known.id.clone(), NOBODYS.to_owned()]).await, Ok(1));
    assert_eq!(clients(&client).await, [second]);
    assert_eq!(forget(Vec::new()).await, Ok(1));
    assert_eq!(forget(Vec::new()).await, Ok(0));
    assert_eq!(forget(vec![String::new()]).await, Err("INVALID_REQUEST client_ids[0]".to_owned()));
    for (seconds, nanos) in [(0, 0), (-1, 0), (1, 1)] {
        let duration = Some(prost_types::Duration { seconds, nanos });
        let request = pb::RememberClientRequest { duration, request_id: String::new(), ..request.clone() };
        assert_eq!(remember(&request).await, Err("INVALID_REQUEST duration".to_owned()));
    }
    for name in ["", "a\nb", &"x".repeat(65)] {
        let request =
            pb::RememberClientRequest { name: name.to_owned(), request_id: String::new(), ..request.clone() };
        assert_eq!(remember(&request).await, Err("INVALID_REQUEST name".to_owned()), "{name:?}");
    }
    harness.stop().await;
}

#[tokio::test]
async fn requirements_are_listed_by_name_and_expanded() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let requirements = async || {
        let answer: pb::ListRequirementsResponse =
            client.send("AssuranceService/ListRequirements", &pb::ListRequirementsRequest {}).await.unwrap();
        answer.requirements
    };
    let first = requirements().await;
    let names: Vec<_> = first.iter().map(|requirement| requirement.name.as_str()).collect();
    assert_eq!(names, ["countersign.enroll", "countersign.recover", "countersign.remove", "login", "payout"]);
    assert_eq!(first[3].expression, "password and (totp or hotp or recovery_codes)");
    assert_eq!(first[0].expression, "(totp or hotp or recovery_codes) within 10m");
    harness
        .service
        .replace_rulebook(rulebook(&[("login", "password and totp"), ("payout", "login within 5m")]));
    let second = requirements().await;
    assert_eq!(second[4].expression, "(password and totp) within 5m");
    let same: Vec<_> = first.iter().zip(&second).map(|(a, b)| a.revision == b.revision).collect();
    assert_eq!(same, [true, true, true, false, false], "a revision changes with its text");
    harness.stop().await;
}
