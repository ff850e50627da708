//! Repeated fields and maps: each has a bound that is checked before its elements, and an error has few violations.

use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use countersign::wire::pb;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::Harness;
use crate::harness::answers::{fields, reason};
use crate::harness::descriptors::{input, is_reachable, methods, name, put};
use crate::harness::fixture::{Fixture, NOBODYS, Valid};

/// The bytes that a message is filled with.
const FILLED: usize = 60 * 1024;
/// The bytes that an answer may have.
const ANSWER_MAX: usize = 8 * 1024;

/// Every repeated field and map of a message, by its path.
fn repeated(message: &MessageDescriptor) -> Vec<Vec<FieldDescriptor>> {
    let mut found = Vec::new();
    for field in message.fields() {
        match field.kind() {
            _ if field.is_list() || field.is_map() => found.push(vec![field]),
            Kind::Message(inner) => {
                let below = repeated(&inner).into_iter();
                found.extend(below.map(|path| [vec![field.clone()], path].concat()));
            }
            _ => {}
        }
    }
    found
}

/// As many elements as fit: of each sort that a field might take one by one, and of some that none takes.
fn fillings(field: &FieldDescriptor) -> Vec<Value> {
    if field.is_map() {
        let pairs =
            (0..FILLED / 12).map(|n| (MapKey::String(format!("{n:x}")), Value::String(String::new())));
        return vec![Value::Map(pairs.collect())];
    }
    let of = |element: Value, size: usize| Value::List(vec![element; FILLED / size]);
    match field.kind() {
        Kind::String => ["", "x", "123456", "login", "name", NOBODYS]
            .map(|text| of(Value::String(text.to_owned()), text.len() + 2))
            .to_vec(),
        Kind::Enum(_) => {
            [(0, 1), (1, 1), (99, 1), (-1, 10)].map(|(n, size)| of(Value::EnumNumber(n), size)).to_vec()
        }
        other => panic!("{}: no elements of {other:?} yet: add some", field.full_name()),
    }
}

fn assert_small(status: &Status) {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert!(status.message().len() + status.details().len() < ANSWER_MAX, "{status:?}");
}

#[tokio::test]
async fn a_message_full_of_elements_is_refused_by_one_violation_whatever_field_holds_them() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let mut tested: Vec<String> = Vec::new();
    let fixture = Fixture::new(&client, "alice").await;
    for Valid { label, path, body } in fixture.requests() {
        let message = input(label.split(' ').next().unwrap());
        let valid = DynamicMessage::decode(message.clone(), body.as_slice()).unwrap();
        for at in repeated(&message).into_iter().filter(|at| is_reachable(&valid, at)) {
            tested.push(format!("{} {}", message.name(), name(&at)));
            for filling in fillings(at.last().unwrap()) {
                let mut request = valid.clone();
                put(&mut request, &at, filling);
                let body = request.encode_to_vec();
                assert!(body.len() < 64 * 1024, "{label} {}: {} bytes", name(&at), body.len());
                let Err(status) = client.raw(&path, body).await else {
                    panic!("{label} took {} without a bound", name(&at));
                };
                assert_small(&status);
                let [field] = fields(&status).try_into().unwrap();
                let is_of = name(&at) == field || name(&at).starts_with(&format!("{field}."));
                assert!(is_of, "{label} {}: {status:?}", name(&at));
            }
        }
    }
    for message in methods().iter().map(|method| method.input()) {
        for at in repeated(&message) {
            let field = format!("{} {}", message.name(), name(&at));
            assert!(tested.contains(&field), "{field}: the fixture has no request with it");
        }
    }
    harness.stop().await;
}

#[tokio::test]
async fn an_error_names_sixteen_violations_and_counts_the_others() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let request = pb::ListDevicesRequest { states: vec![99; 32], kinds: vec![99; 32], ..Default::default() };
    let answer = client.send::<pb::ListDevicesResponse>("DeviceService/ListDevices", &request).await;
    let status = answer.unwrap_err();
    assert_small(&status);
    let violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations.len(), 17);
    assert_eq!((violations[0].field.as_str(), violations[15].field.as_str()), ("subject", "states[14]"));
    let last = &violations[16];
    assert_eq!(last.field, "request");
    assert_eq!(last.description, "has 49 more violations, which are not listed");
    assert!(status.message().ends_with("; request has 49 more violations, which are not listed"));
    harness.stop().await;
}

#[tokio::test]
async fn attributes_have_at_most_16_kib_together() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let evaluate = async |values: &[usize]| {
        let attributes =
            (0..).zip(values).map(|(n, size): (u32, _)| (n.to_string(), "v".repeat(*size))).collect();
        let request = pb::EvaluateRequest {
            subject: "alice".to_owned(),
            requirements: vec!["login".to_owned()],
            attributes,
            ..Default::default()
        };
        let answer = client.send::<pb::EvaluateResponse>("AssuranceService/Evaluate", &request).await;
        answer.map(drop).map_err(|status| status.message().to_owned())
    };
    assert_eq!(evaluate(&[4096, 4096, 4096, 4092]).await, Ok(()));
    let refused = "attributes must be at most 16384 bytes, names and values together, and are 16385";
    assert_eq!(evaluate(&[4096, 4096, 4096, 4093]).await, Err(refused.to_owned()));
    harness.stop().await;
}

#[tokio::test]
async fn an_unknown_name_is_repeated_in_part() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let long = "n".repeat(4000);
    let unknown = client.raw(&format!("/countersign.v1.{long}/Method"), Vec::new()).await.unwrap_err();
    assert_eq!(reason(&unknown), "METHOD_UNKNOWN");
    let server = format!("http://{}", harness.tcp_address());
    let channel = tonic::transport::Channel::from_shared(server).unwrap().connect().await.unwrap();
    let check = HealthCheckRequest { service: long.clone() };
    let service = HealthClient::new(channel).check(check).await.unwrap_err();
    assert_eq!(reason(&service), "SERVICE_UNKNOWN");
    for status in [unknown, service] {
        let metadata = status.get_details_error_info().unwrap().metadata;
        let name = metadata.values().next().unwrap();
        assert!(name.len() == 128 && name.ends_with("n…"), "{name}");
        assert!(status.message().len() < 200, "{status:?}");
    }
    harness.stop().await;
}
