//! Who may call what: every RPC by every role, by nobody, with a wrong token and by the Unix socket's user.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use countersign::auth::{Role, rows};
use countersign::wire::pb;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::harness::answers::{reason, refused};
use crate::harness::descriptors::{methods, path};
use crate::harness::{Client, Harness, Wish, golden};

/// A token of the right form that is nobody's.
const WRONG_TOKEN: &str = "cs_0000000000000000000000000000000000000000000";

/// Every RPC that the server answers: of this API, of health and of both versions of reflection.
fn served() -> Vec<MethodDescriptor> {
    let others: [&[u8]; 3] = [
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    let mut served = methods();
    for set in others {
        let pool = DescriptorPool::decode(set).unwrap();
        served.extend(pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()));
    }
    served
}

/// What a caller gets who asks with an empty message: past the door, or why not.
async fn entry(client: &Client, path: &str) -> String {
    match client.raw(path, Vec::new()).await {
        Err(status) if status.code() == Code::Unauthenticated => {
            assert_eq!(reason(&status), "CALLER_UNKNOWN");
            "unknown".to_owned()
        }
        Err(status) if status.code() == Code::PermissionDenied => {
            assert_eq!(reason(&status), "ROLE_MISSING");
            format!("needs {}", status.get_details_error_info().unwrap().metadata["role"])
        }
        _ => "may".to_owned(),
    }
}

fn line(table: &mut String, rpc: &str, entries: impl Iterator<Item = String>) {
    let entries: String = entries.map(|entry| format!("{entry:<14}")).collect();
    writeln!(table, "{rpc:<68}{}", entries.trim_end()).unwrap();
}

#[tokio::test]
async fn each_rpc_is_open_to_whom_the_golden_table_says() {
    let wish = Wish { roles_by_uid: vec![Role::Verify, Role::Admin], ..Wish::default() };
    let harness = Harness::start_with(wish).await;
    let mut callers = vec![
        ("nobody".to_owned(), harness.client_with(None).await),
        ("wrong token".to_owned(), harness.client_with(Some(WRONG_TOKEN)).await),
    ];
    for role in Role::ALL {
        callers.push((role.as_str().to_owned(), harness.client_as(role).await));
    }
    callers.push(("all roles".to_owned(), harness.client().await));
    callers.push(("uid".to_owned(), harness.unix_client_without_token().await));

    let mut table = "# Who may call what: made by tests/it/rpc/roles.rs from the server's own answers.\n\
                     # uid: no token, over the Unix socket; that user has the roles verify and admin.\n"
        .to_owned();
    let heads = callers.iter().map(|(name, _)| name.clone());
    line(&mut table, "rpc", heads);
    for method in served() {
        let mut entries = Vec::new();
        for (_, client) in &callers {
            entries.push(entry(client, &path(&method)).await);
        }
        line(&mut table, method.full_name(), entries.into_iter());
    }
    golden("authorization.txt", include_str!("../../golden/authorization.txt"), &table);
    harness.stop().await;
}

#[test]
fn the_authorization_table_has_a_row_for_each_served_rpc_and_no_other() {
    let served: BTreeSet<String> = served().iter().map(path).collect();
    let listed: BTreeSet<String> = rows().iter().map(|row| row.path.to_owned()).collect();
    assert_eq!(served, listed);
    assert_eq!(rows().len(), listed.len(), "an RPC has two rows");
}

#[tokio::test]
async fn a_wrong_token_over_the_unix_socket_is_not_saved_by_the_user_id() {
    let wish = Wish { roles_by_uid: Role::ALL.to_vec(), ..Wish::default() };
    let harness = Harness::start_with(wish).await;
    let by_uid = harness.unix_client_without_token().await;
    assert_eq!(by_uid.subject("alice").await, pb::GetSubjectResponse { ..by_uid.subject("bob").await });
    let wrong = harness.unix_client_with(WRONG_TOKEN).await;
    let refusal = wrong.device("alice", "x").await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::Unauthenticated, "CALLER_UNKNOWN".to_owned()));
    harness.stop().await;
}

#[tokio::test]
async fn a_user_id_that_is_not_known_is_nobody() {
    let harness = Harness::start().await;
    let client = harness.unix_client_without_token().await;
    let refusal = client.device("alice", "x").await.unwrap_err();
    assert_eq!((refusal.code(), refused(&refusal)), (Code::Unauthenticated, "CALLER_UNKNOWN".to_owned()));
    let uid = refusal.get_details_error_info().unwrap().metadata["uid"].clone();
    assert!(refusal.message().starts_with(&format!("the user id {uid} on this Unix socket is no caller's")));
    let known = harness.unix_client().await;
    assert_eq!(refused(&known.device("alice", "x").await.unwrap_err()), "DEVICE_NOT_FOUND");
    harness.stop().await;
}

#[tokio::test]
async fn a_chosen_recovery_code_needs_admin_beside_manage() {
    let harness = Harness::start().await;
    let before = harness.dump().await;
    let chosen = || pb::IssueRecoveryCodesRequest {
        subject: "alice".to_owned(),
        code: "open sesame".to_owned(),
        ..Default::default()
    };
    for (role, missing) in [(Role::Manage, "admin"), (Role::Admin, "manage"), (Role::Verify, "manage")] {
        let refusal = harness.client_as(role).await.issue(chosen()).await.unwrap_err();
        assert_eq!(refusal.code(), Code::PermissionDenied);
        assert_eq!(refusal.get_details_error_info().unwrap().metadata["role"], missing);
    }
    assert_eq!(harness.dump().await, before);
    assert_eq!(harness.client().await.issue(chosen()).await.unwrap().1, ["open sesame"]);
    harness.stop().await;
}

#[tokio::test]
async fn nothing_is_said_about_methods_to_who_is_not_known() {
    let harness = Harness::start().await;
    let client = harness.client_with(None).await;
    for path in ["/countersign.v1.DeviceService/Nothing", "/countersign.v1.Nothing/Nothing", "/nothing"] {
        let refusal = client.raw(path, Vec::new()).await.unwrap_err();
        assert_eq!(reason(&refusal), "CALLER_UNKNOWN", "{path}");
    }
    harness.stop().await;
}
