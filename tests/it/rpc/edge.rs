//! Checks at the edge: compression, metadata, missing contexts, device names, pasted codes.

use countersign::auth::Role;
use countersign::domain::policy::Policies;
use countersign::wire::pb;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::harness::answers::{reason, refused};
use crate::harness::calls::{hotp_setup, totp_setup};
use crate::harness::fixture::SECRET;
use crate::harness::{Client, Harness, Wish, hotp};

#[tokio::test]
async fn a_compressed_request_is_unimplemented_and_names_what_is_taken() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    for encoding in ["gzip", "zstd", "anything"] {
        let path = "/countersign.v1.SubjectService/GetSubject";
        let refusal = client.framed(path, "\u{1}\0\0\0\0", Some(encoding)).await.unwrap_err();
        assert_eq!(refusal.code(), Code::Unimplemented, "{refusal:?}");
        assert_eq!(reason(&refusal), "COMPRESSION_UNSUPPORTED");
        assert_eq!(refusal.metadata().get("grpc-accept-encoding").unwrap(), "identity");
    }
    assert!(
        client
            .framed("/countersign.v1.AssuranceService/ListRequirements", "\0\0\0\0\0", Some("identity"))
            .await
            .is_ok()
    );
    harness.stop().await;
}

/// Asks with that many bytes of metadata beside what every request has.
async fn padded(client: &Client, bytes: usize) -> Result<(), Status> {
    let mut request = Request::new(pb::GetSubjectRequest { subject: "alice".to_owned() });
    for (place, part) in vec![b'x'; bytes].chunks(4096).enumerate() {
        let name: tonic::metadata::AsciiMetadataKey = format!("x-part-{place}").parse().unwrap();
        request.metadata_mut().insert(name, std::str::from_utf8(part).unwrap().parse().unwrap());
    }
    client.subjects.clone().get_subject(request).await.map(drop)
}

#[tokio::test]
async fn metadata_over_8_kib_is_refused_by_name_and_the_connection_goes_on() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    padded(&client, 7 << 10).await.unwrap();
    for bytes in [9 << 10, 11 << 10] {
        let refusal = padded(&client, bytes).await.unwrap_err();
        assert_eq!(refusal.code(), Code::InvalidArgument, "{refusal:?}");
        assert_eq!(refused(&refusal), "INVALID_REQUEST metadata");
    }
    // Above its own limit the transport refuses, without our error details.
    for bytes in [14 << 10, 40 << 10, 80 << 10] {
        padded(&client, bytes).await.unwrap_err();
    }
    client.subject("alice").await;
    harness.stop().await;
}

#[tokio::test]
async fn who_leaves_out_the_context_is_told_what_it_is_for() {
    let harness = Harness::start().await;
    let operator = harness.client().await;
    let device = operator.active_hotp("alice", "token", SECRET).await;
    let pending = operator.enroll_totp("alice", "phone", &[9; 20]).await;
    let client = harness.client_as(Role::Manage).await;
    let (subject, device_id) = ("alice".to_owned(), pending.id);
    let enroll = client.enroll("alice", "another", totp_setup(SECRET)).await.unwrap_err();
    let delete = client.delete(&device).await.unwrap_err();
    let suspend = pb::UpdateDeviceRequest { suspended: true, ..Default::default() };
    let suspend = client.update(&device, &["suspended"], suspend).await.unwrap_err();
    let issue = pb::IssueRecoveryCodesRequest { subject: subject.clone(), ..Default::default() };
    let issue = client.issue(issue).await.unwrap_err();
    let proof = Some(crate::harness::proof("123456"));
    let confirm = pb::ConfirmDeviceRequest { subject, device_id, proof, ..Default::default() };
    let confirm: Result<pb::ConfirmDeviceResponse, _> =
        client.send("DeviceService/ConfirmDevice", &confirm).await;
    for refusal in [enroll, delete, suspend, issue, confirm.unwrap_err()] {
        assert_eq!((refusal.code(), reason(&refusal)), (Code::PermissionDenied, "ROLE_MISSING".to_owned()));
        assert!(refusal.message().starts_with("set context to where the user asks for this"), "{refusal:?}");
        assert_eq!(refusal.get_details_error_info().unwrap().metadata["role"], "admin");
    }
    harness.stop().await;
}

#[tokio::test]
async fn a_label_has_one_colon_at_most_whatever_the_subject() {
    let mut policies = Policies::default();
    for issuer in [None, Some("Example".to_owned())] {
        policies.default.issuer.clone_from(&issuer);
        let harness = Harness::start_with(Wish { policies: policies.clone(), ..Wish::default() }).await;
        let client = harness.client().await;
        for (name, setup) in [("totp", totp_setup(&[])), ("hotp", hotp_setup(&[], 0))] {
            let enrolled = client.enroll("tenant:alice:2", name, setup).await.unwrap();
            let Some(pb::enrollment::Material::Oath(shown)) = enrolled.enrollment.unwrap().material else {
                panic!("an enrollment shows a secret");
            };
            let label = shown.otpauth_uri.split('?').next().unwrap().rsplit('/').next().unwrap();
            let expected = if issuer.is_some() { "Example%3Atenant-alice-2" } else { "tenant-alice-2" };
            assert_eq!(label, expected);
        }
        harness.stop().await;
    }
}

#[tokio::test]
async fn names_that_are_blank_or_equal_but_for_white_space_are_refused() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let enroll = async |name: &str| {
        let answer = client.enroll("alice", name, totp_setup(&[])).await;
        answer.map_or_else(|refusal| refused(&refusal), |_| "ok".to_owned())
    };
    for blank in [" ", "\u{a0}", " \u{2003}\u{3000} ", "\u{200b}", "\u{feff}\u{200d}"] {
        assert_eq!(enroll(blank).await, "INVALID_REQUEST name", "{blank:?}");
        let request = pb::RememberClientRequest {
            subject: "alice".to_owned(),
            name: blank.to_owned(),
            ..Default::default()
        };
        let answer: Result<pb::RememberClientResponse, _> =
            client.send("AssuranceService/RememberClient", &request).await;
        assert_eq!(refused(&answer.unwrap_err()), "INVALID_REQUEST name", "{blank:?}");
    }
    let phone = client.active_hotp("alice", "my phone", SECRET).await;
    let other = client.active_hotp("alice", "Hardware", &[9; 20]).await;
    for alike in ["my phone ", " my phone", "my  phone", "my\u{a0}phone", "myphone"] {
        assert_eq!(enroll(alike).await, "DEVICE_EXISTS", "{alike:?}");
        let renamed = pb::UpdateDeviceRequest { name: alike.to_owned(), ..Default::default() };
        let refusal = client.update(&other, &["name"], renamed.clone()).await.unwrap_err();
        assert_eq!((refusal.code(), reason(&refusal)), (Code::AlreadyExists, "DEVICE_EXISTS".to_owned()));
        // A device may change the white space in its own name.
        assert_eq!(client.update(&phone, &["name"], renamed).await.unwrap().name, alike);
    }
    assert_eq!(enroll("my phones").await, "ok");
    // An enrollment that was not finished is replaced by the next one, also under a name like its own.
    assert_eq!(enroll("new phone").await, "ok");
    assert_eq!(enroll("new  phone").await, "ok");
    harness.stop().await;
}

#[tokio::test]
async fn pasted_white_space_is_dropped_by_every_call_that_takes_a_code() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let pasted = |code: &str| format!("\t{}\u{a0}{}\u{202f}\r\n", &code[..3], &code[3..]);
    let device = client.enroll("alice", "token", hotp_setup(SECRET, 0)).await.unwrap().device.unwrap();
    let confirmed = client.confirm("alice", &device.id, &pasted(&hotp(SECRET, 0))).await.unwrap();
    assert_eq!(crate::harness::answers::said(confirmed.verdict.as_ref()), "accepted");
    assert_eq!(client.says("alice", &device.id, &pasted(&hotp(SECRET, 1))).await, "accepted");
    assert_eq!(client.says("alice", "", &pasted(&hotp(SECRET, 2))).await, "accepted");
    let request = pb::ResyncDeviceRequest {
        subject: "alice".to_owned(),
        device_id: device.id.clone(),
        codes: vec![pasted(&hotp(SECRET, 50)), pasted(&hotp(SECRET, 51))],
        ..Default::default()
    };
    let resynced: pb::ResyncDeviceResponse =
        client.send("DeviceService/ResyncDevice", &request).await.unwrap();
    assert_eq!(crate::harness::answers::said(resynced.verdict.as_ref()), "accepted");
    let (list, codes) = client.list_of_codes("alice", 3).await;
    assert_eq!(client.says("alice", &list.id, &pasted(&codes[0])).await, "accepted");
    assert_eq!(client.says("alice", "", &pasted(&codes[1])).await, "accepted");
    // A code that an operator chose is compared as it is, but for what the clipboard added.
    let code = "open sesame\n".to_owned();
    let chosen = pb::IssueRecoveryCodesRequest { subject: "bob".to_owned(), code, ..Default::default() };
    let (list, shown) = client.issue(chosen).await.unwrap();
    assert_eq!(shown, ["open sesame"]);
    assert_eq!(client.says("bob", &list.id, "opensesame").await, "rejected mismatch");
    client.unlock(&list).await.unwrap();
    assert_eq!(client.says("bob", &list.id, "\topen\u{a0}sesame\r\n").await, "accepted");
    harness.stop().await;
}
