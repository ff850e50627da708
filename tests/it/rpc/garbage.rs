//! What is no request at all: too large, not protobuf, for a method that is not there.

use countersign::wire::pb;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use prost::Message as _;
use prost_reflect::DynamicMessage;
use tonic::Code;

use crate::harness::Harness;
use crate::harness::answers::{fields, reason, refused};
use crate::harness::descriptors::{methods, path};
use crate::harness::fixture::Fixture;

/// The largest request, in bytes.
const MAX: usize = 64 << 10;

/// A request of that many bytes whose subject is right and whose code is too long.
fn of_size(bytes: usize) -> Vec<u8> {
    let of = |code: usize| {
        let (subject, proof) = ("alice".to_owned(), Some(crate::harness::proof(&"7".repeat(code))));
        pb::VerifyRequest { subject, proof, ..Default::default() }.encode_to_vec()
    };
    let rest = of(bytes).len() - bytes;
    let body = of(bytes - rest);
    assert_eq!(body.len(), bytes);
    body
}

#[tokio::test]
async fn a_message_of_64_kib_is_read_and_one_byte_more_is_not() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let before = harness.dump().await;
    let verify = "/countersign.v1.VerificationService/Verify";
    let largest = client.raw(verify, of_size(MAX)).await.unwrap_err();
    assert_eq!(refused(&largest), "INVALID_REQUEST proof.code");
    let larger = client.raw(verify, of_size(MAX + 1)).await.unwrap_err();
    assert_eq!(
        (larger.code(), refused(&larger)),
        (Code::InvalidArgument, "INVALID_REQUEST request".to_owned())
    );
    for method in methods() {
        let refusal = client.raw(&path(&method), vec![0; MAX + 1]).await.unwrap_err();
        assert_eq!(fields(&refusal), ["request"], "{}", method.full_name());
    }
    assert_eq!(harness.dump().await, before);
    // The connection bears it: the next request is answered.
    client.subject("alice").await;
    harness.stop().await;
}

#[tokio::test]
async fn bytes_that_are_no_message_are_refused_by_every_method_and_store_nothing() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let before = harness.dump().await;
    let garbage: [&[u8]; 8] = [
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x00",
        b"\x08\x01",
        b"\x0a",
        b"\x0a\xff\xff\xff\xff\x0f",
        b"\x0a\x7fshort",
        b"\x0c",
        b"GET / HTTP/1.1\r\n\r\n",
    ];
    for method in methods() {
        for bytes in garbage {
            // A message without fields takes every other field for one of a later version.
            let is_empty = method.input().fields().len() == 0;
            if is_empty && DynamicMessage::decode(method.input(), bytes).is_ok() {
                continue;
            }
            let refusal = client.raw(&path(&method), bytes.to_vec()).await.unwrap_err();
            assert_eq!(refusal.code(), Code::InvalidArgument, "{}: {refusal:?}", method.full_name());
            assert!(!fields(&refusal).is_empty(), "{}: {refusal:?}", method.full_name());
        }
    }
    assert_eq!(harness.dump().await, before);
    harness.stop().await;
}

#[tokio::test]
async fn a_valid_request_with_bytes_changed_never_ends_in_a_fault() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let fixture = Fixture::new(&client, "alice").await;
    let mut runner = TestRunner::deterministic();
    let changes = proptest::collection::vec((0usize..4096, proptest::num::u8::ANY), 1..6);
    for request in fixture.requests() {
        for _ in 0..20 {
            let mut body = request.body.clone();
            for (at, byte) in changes.new_tree(&mut runner).unwrap().current() {
                let at = at % body.len().max(1);
                body.splice(at..(at + 1).min(body.len()), [byte]);
            }
            if let Err(status) = client.raw(&request.path, body.clone()).await {
                let faults = [Code::Internal, Code::Unknown, Code::Unavailable, Code::DeadlineExceeded];
                assert!(!faults.contains(&status.code()), "{} {body:02x?}: {status:?}", request.label);
                assert!(!reason(&status).is_empty());
            }
        }
    }
    harness.stop().await;
}

#[tokio::test]
async fn fields_that_are_not_known_are_passed_over() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let mut body = pb::GetSubjectRequest { subject: "alice".to_owned() }.encode_to_vec();
    // Field 999, a text.
    body.extend([0xba, 0x3e, 0x03, b'n', b'e', b'w']);
    let answer = client.raw("/countersign.v1.SubjectService/GetSubject", body).await.unwrap();
    assert!(!pb::GetSubjectResponse::decode(answer.as_slice()).unwrap().has_active_device);
    harness.stop().await;
}

#[tokio::test]
async fn a_method_or_service_that_is_not_there_is_said_to_be_unknown() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    for path in [
        "/countersign.v1.DeviceService/Nothing",
        "/countersign.v1.DeviceService/enrollDevice",
        "/countersign.v1.NoService/Verify",
        "/countersign.v2.DeviceService/EnrollDevice",
        "/Verify",
        "/",
    ] {
        let refusal = client.raw(path, Vec::new()).await.unwrap_err();
        assert_eq!((refusal.code(), refused(&refusal)), (Code::Unimplemented, "METHOD_UNKNOWN".to_owned()));
        use tonic_types::StatusExt as _;
        assert_eq!(refusal.get_details_error_info().unwrap().metadata["method"], path);
    }
    harness.stop().await;
}

#[tokio::test]
async fn a_body_that_is_not_one_message_is_the_callers_to_mend() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let before = harness.dump().await;
    let path = "/countersign.v1.SubjectService/GetSubject";
    for (label, body) in [
        ("no message", ""),
        ("cut off in the head", "\0\0\0"),
        ("cut off in the message", "\0\0\0\0\u{9}ab"),
        ("a flag that is none", "\u{2}\0\0\0\0"),
        ("compressed and not said how", "\u{1}\0\0\0\0"),
    ] {
        let refusal = client.framed(path, body, None).await.unwrap_err();
        assert_eq!(refusal.code(), Code::InvalidArgument, "{label}: {refusal:?}");
        assert_eq!(refused(&refusal), "INVALID_REQUEST request", "{label}");
    }
    assert_eq!(harness.dump().await, before);
    harness.stop().await;
}
