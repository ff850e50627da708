use serde_json::json;

use super::*;

fn device() -> pb::Device {
    pb::Device {
        id: "d1".into(),
        subject: "alice".into(),
        kind: pb::DeviceKind::Hotp.into(),
        state: pb::DeviceState::Active.into(),
        create_time: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 250_000_000 }),
        detail: Some(pb::device::Detail::Hotp(pb::HotpDetail {
            algorithm: pb::OathAlgorithm::Sha1.into(),
            digits: 6,
            counter: 1 << 53,
            look_ahead: 5,
        })),
        ..pb::Device::default()
    }
}

#[test]
fn a_device_is_written_as_protobuf_json_with_the_names_of_the_fields() {
    let answer = pb::GetDeviceResponse { device: Some(device()) };
    let expected = json!({ "device": {
        "id": "d1", "subject": "alice", "name": "", "preferred": false, "etag": "",
        "kind": "DEVICE_KIND_HOTP", "state": "DEVICE_STATE_ACTIVE",
        "create_time": "2023-11-14T22:13:20.250Z",
        "hotp": {
            "algorithm": "OATH_ALGORITHM_SHA1", "digits": 6, "counter": "9007199254740992", "look_ahead": 5,
        },
    } });
    assert_eq!(of(&answer).unwrap(), expected);
}

#[test]
fn what_is_absent_is_left_out_and_empty_lists_stand_there() {
    let nothing = pb::ListDevicesResponse::default();
    assert_eq!(of(&nothing).unwrap(), json!({ "devices": [], "next_page_token": "" }));
    assert_eq!(
        of(&pb::VerifyResponse::default()).unwrap(),
        json!({ "decisions": [], "joint_absence": "JOINT_ABSENCE_UNSPECIFIED" })
    );
}

#[test]
fn bytes_are_base64_and_spans_are_seconds() {
    let material =
        pb::OathEnrollment { qr_png: vec![0, 255], otpauth_uri: "otpauth://x".into(), ..Default::default() };
    let answer = pb::EnrollDeviceResponse {
        device: Some(pb::Device {
            detail: Some(pb::device::Detail::Totp(pb::TotpDetail {
                period: Some(prost_types::Duration { seconds: 30, nanos: 0 }),
                drift: -1,
                last_step: Some(7),
                ..Default::default()
            })),
            ..Default::default()
        }),
        enrollment: Some(pb::Enrollment { material: Some(pb::enrollment::Material::Oath(material)) }),
    };
    let written = of(&answer).unwrap();
    assert_eq!(written["enrollment"]["oath"]["qr_png"], "AP8=");
    assert_eq!(written["device"]["totp"]["period"], "30s");
    assert_eq!(written["device"]["totp"]["drift"], -1);
    assert_eq!(written["device"]["totp"]["last_step"], "7");
}

#[test]
fn a_number_that_no_variant_has_stays_a_number() {
    let answer = pb::GetSubjectResponse { active_kinds: vec![1, 99], ..Default::default() };
    assert_eq!(of(&answer).unwrap()["active_kinds"], json!(["DEVICE_KIND_TOTP", 99]));
}

#[test]
fn the_descriptors_know_every_answer() {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let answers = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    for answer in answers.map(|method| method.output()).filter(|m| m.package_name() == "countersign.v1") {
        assert!(
            include_str!("../json.rs").contains(&format!("    {},\n", answer.name())),
            "{}",
            answer.name()
        );
    }
}
