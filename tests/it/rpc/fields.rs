//! Every field of every request with what it must not hold: a clear error that names the field, nothing
//! stored, never a panic. What each comes to is a golden file: a new field adds lines to it.

use std::fmt::Write as _;

use countersign::wire::pb;
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, Value};
use tonic::{Code, Status};

use crate::harness::answers::{fields, refused, said};
use crate::harness::descriptors::{input, is_reachable, leaves, name, put};
use crate::harness::fixture::{Fixture, Valid};
use crate::harness::{Client, Harness, Watch, golden};

/// Stands for bytes that are not UTF-8: replaced by as many of them once the message is encoded.
const NOT_UTF8: &str = "these bytes will not be UTF-8";

/// What a field must not hold, or might not, by its type.
fn hostile(field: &FieldDescriptor) -> Vec<(&'static str, Value)> {
    let text = |text: &str| Value::String(text.to_owned());
    if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
        return of_map(&entry);
    }
    let mut values = match field.kind() {
        Kind::String => vec![
            ("empty", text("")),
            ("one character", text("x")),
            ("5000 bytes", text(&"x".repeat(5000))),
            ("with NUL", text("a\0bcdef")),
            ("with a line feed", text("abc\ndef")),
            ("other scripts", text("Ünïcödé ١٢٣٤٥٦ 漢字 🔑")),
            ("not UTF-8", text(NOT_UTF8)),
        ],
        Kind::Bytes => vec![("1 byte", vec![7; 1]), ("15 bytes", vec![7; 15]), ("65 bytes", vec![7; 65])]
            .into_iter()
            .map(|(label, bytes)| (label, Value::Bytes(bytes.into())))
            .collect(),
        Kind::Uint32 => vec![("1", Value::U32(1)), ("the most", Value::U32(u32::MAX))],
        Kind::Uint64 => vec![("the most", Value::U64(u64::MAX))],
        Kind::Int32 => vec![("the least", Value::I32(i32::MIN)), ("the most", Value::I32(i32::MAX))],
        Kind::Enum(_) => vec![
            ("not set", Value::EnumNumber(0)),
            ("unknown", Value::EnumNumber(999)),
            ("negative", Value::EnumNumber(-1)),
        ],
        Kind::Bool => vec![("true", Value::Bool(true))],
        Kind::Message(inner) => of_message(&inner),
        other => panic!("{}: no hostile values for {other:?} yet: add some", field.full_name()),
    };
    if field.is_list() {
        values.push(("empty list", Value::List(Vec::new())));
        let many = hostile_one(field).map(|value| Value::List(vec![value; 300]));
        values.extend(many.map(|many| ("300 of them", many)));
    }
    values
}

/// Maps of texts.
fn of_map(entry: &prost_reflect::MessageDescriptor) -> Vec<(&'static str, Value)> {
    assert_eq!(entry.map_entry_value_field().kind(), Kind::String, "{}", entry.full_name());
    let of = |pairs: Vec<(String, String)>| {
        let pairs = pairs.into_iter().map(|(name, value)| (MapKey::String(name), Value::String(value)));
        Value::Map(pairs.collect())
    };
    let one = |name: &str, value: &str| of(vec![(name.to_owned(), value.to_owned())]);
    vec![
        ("empty", of(Vec::new())),
        ("300 of them", of((0..300).map(|n| (n.to_string(), String::new())).collect())),
        ("an empty name", one("", "x")),
        ("a name of 64 bytes", one(&"n".repeat(64), "x")),
        ("a value of 4097 bytes", one("n", &"v".repeat(4097))),
        ("a value that is not UTF-8", one("n", NOT_UTF8)),
    ]
}

fn hostile_one(field: &FieldDescriptor) -> Option<Value> {
    match field.kind() {
        Kind::String => Some(Value::String("123456".to_owned())),
        Kind::Enum(_) => Some(Value::EnumNumber(1)),
        _ => None,
    }
}

fn of_message(inner: &prost_reflect::MessageDescriptor) -> Vec<(&'static str, Value)> {
    let with = |seconds: i64, nanos: i32| {
        let mut message = DynamicMessage::new(inner.clone());
        message.set_field_by_name("seconds", Value::I64(seconds));
        message.set_field_by_name("nanos", Value::I32(nanos));
        Value::Message(message)
    };
    match inner.full_name() {
        "google.protobuf.Duration" | "google.protobuf.Timestamp" => vec![
            ("0", with(0, 0)),
            ("-1 s", with(-1, 0)),
            ("2^40 s", with(1 << 40, 0)),
            ("the least", with(i64::MIN, 0)),
            ("the most", with(i64::MAX, 0)),
            ("30.5 s", with(30, 500_000_000)),
            ("impossible nanoseconds", with(30, i32::MIN)),
        ],
        "google.protobuf.FieldMask" => {
            let of = |paths: &[&str]| {
                let mut message = DynamicMessage::new(inner.clone());
                let paths = paths.iter().map(|path| Value::String((*path).to_owned())).collect();
                message.set_field_by_name("paths", Value::List(paths));
                Value::Message(message)
            };
            vec![
                ("no path", of(&[])),
                ("an empty path", of(&["name", ""])),
                ("an unknown path", of(&["name", "state"])),
                ("all", of(&["*"])),
                ("one path twice", of(&["preferred", "preferred"])),
                ("not UTF-8", of(&[NOT_UTF8])),
            ]
        }
        _ => vec![("empty", Value::Message(DynamicMessage::new(inner.clone())))],
    }
}

/// The bytes of a message, with those that are not UTF-8 put in.
fn encoded(message: &DynamicMessage) -> Vec<u8> {
    let mut bytes = message.encode_to_vec();
    while let Some(at) = bytes.windows(NOT_UTF8.len()).position(|part| part == NOT_UTF8.as_bytes()) {
        bytes[at..at + NOT_UTF8.len()].fill(0xff);
    }
    bytes
}

/// What came of it, in few words.
fn outcome(path: &str, answer: &Result<Vec<u8>, Status>) -> String {
    match answer {
        Err(status) => refused(status),
        Ok(bytes) if path.ends_with("/Verify") => {
            said(pb::VerifyResponse::decode(bytes.as_slice()).unwrap().verdict.as_ref())
        }
        Ok(bytes) if path.ends_with("/ConfirmDevice") => {
            said(pb::ConfirmDeviceResponse::decode(bytes.as_slice()).unwrap().verdict.as_ref())
        }
        Ok(bytes) if path.ends_with("/ResyncDevice") => {
            said(pb::ResyncDeviceResponse::decode(bytes.as_slice()).unwrap().verdict.as_ref())
        }
        Ok(_) => "ok".to_owned(),
    }
}

/// Sends what must not do harm, and sees that it did none: what is refused, and what is malformed, changes
/// nothing that is stored.
async fn sent(watch: &mut Watch, client: &Client, path: &str, body: Vec<u8>) -> (String, bool) {
    watch.has_changed().await;
    let answer = client.raw(path, body).await;
    let outcome = outcome(path, &answer);
    let has_changed = watch.has_changed().await;
    if answer.is_err() || outcome.ends_with("malformed") {
        assert!(!has_changed, "{path} answered {outcome} and stored something");
    }
    if let Err(status) = &answer {
        let ours = [Code::InvalidArgument, Code::NotFound, Code::Aborted, Code::FailedPrecondition];
        assert!(ours.contains(&status.code()), "{path}: {status:?}");
        assert_eq!(status.code() == Code::InvalidArgument, !fields(status).is_empty(), "{path}: {status:?}");
    }
    (outcome, has_changed)
}

#[tokio::test]
async fn each_field_of_each_request_bears_anything() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let mut table = "# What comes of odd values: made by tests/it/rpc/fields.rs.\n".to_owned();
    let mut watch = harness.watch().await;
    let mut made = 1;
    let mut fixture = Fixture::new(&client, "subject-0").await;
    let count = fixture.requests().len();
    for place in 0..count {
        let Valid { label, .. } = fixture.requests().swap_remove(place);
        let message = input(label.split(' ').next().unwrap());
        writeln!(table, "{label}").unwrap();
        for at in leaves(&message) {
            for (value_label, value) in hostile(at.last().unwrap()) {
                let Valid { path, body, .. } = fixture.requests().swap_remove(place);
                let mut request = DynamicMessage::decode(message.clone(), body.as_slice()).unwrap();
                if !is_reachable(&request, &at) {
                    continue;
                }
                put(&mut request, &at, value);
                let (outcome, has_changed) = sent(&mut watch, &client, &path, encoded(&request)).await;
                writeln!(table, "    {:<30} {value_label:<24} {outcome}", name(&at)).unwrap();
                if has_changed {
                    fixture = Fixture::new(&client, &format!("subject-{made}")).await;
                    made += 1;
                }
            }
        }
    }
    golden("fields.txt", include_str!("../../golden/fields.txt"), &table);
    harness.stop().await;
}
