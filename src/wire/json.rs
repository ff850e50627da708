//! Messages as JSON, for people who script: the protobuf JSON mapping with the names of the fields as they
//! stand in `proto/`. Written from the descriptors, so that it cannot lag behind the messages.

#[cfg(test)]
mod tests;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};
use serde_json::{Map, Value as Json};

use super::{DESCRIPTORS, pb};

/// A message that has a JSON form: an answer of one of the services, or what an error carries.
pub trait Answer: Message {
    /// Its full name.
    const NAME: &'static str;
}

macro_rules! answers {
    ($($message:ident),* $(,)?) => {$(
        impl Answer for pb::$message {
            const NAME: &'static str = concat!("countersign.v1.", stringify!($message));
        }
    )*};
}

answers!(
    ConfirmDeviceResponse,
    Decision,
    DeleteDeviceResponse,
    EvaluateResponse,
    ForgetClientsResponse,
    EnrollDeviceResponse,
    GetDeviceResponse,
    GetSubjectResponse,
    IssueRecoveryCodesResponse,
    ListClientsResponse,
    ListDevicesResponse,
    ListEvidenceResponse,
    ListRequirementsResponse,
    RecordEvidenceResponse,
    RememberClientResponse,
    ResyncDeviceResponse,
    RevokeEvidenceResponse,
    UnlockDeviceResponse,
    UnlockSubjectResponse,
    UpdateDeviceResponse,
    VerifyResponse,
);

/// Why a message has no JSON form: a defect of this program.
#[derive(Debug, thiserror::Error)]
#[error("an answer cannot be written as JSON: {0}")]
pub struct JsonError(String);

/// A message as JSON. Fields without a value of their own stand there with their default, so that a script
/// finds them; messages that are absent are left out.
///
/// # Errors
/// The descriptors do not know the message.
pub fn of<A: Answer>(answer: &A) -> Result<Json, JsonError> {
    let pool = DescriptorPool::decode(DESCRIPTORS).map_err(|e| JsonError(e.to_string()))?;
    let descriptor =
        pool.get_message_by_name(A::NAME).ok_or_else(|| JsonError(format!("there is no {}", A::NAME)))?;
    let bytes = answer.encode_to_vec();
    let dynamic =
        DynamicMessage::decode(descriptor, bytes.as_slice()).map_err(|e| JsonError(e.to_string()))?;
    Ok(message(&dynamic))
}

fn message(dynamic: &DynamicMessage) -> Json {
    // The well-known types have a form of their own, which prost writes.
    match dynamic.descriptor().full_name() {
        "google.protobuf.Timestamp" => return known::<prost_types::Timestamp>(dynamic),
        "google.protobuf.Duration" => return known::<prost_types::Duration>(dynamic),
        _ => {}
    }
    let mut object = Map::new();
    for field in dynamic.descriptor().fields() {
        if field.supports_presence() && !dynamic.has_field(&field) {
            continue;
        }
        object.insert(field.name().to_owned(), value(&field, &dynamic.get_field(&field)));
    }
    Json::Object(object)
}

fn known<M: Message + Default + ToString>(dynamic: &DynamicMessage) -> Json {
    dynamic.transcode_to::<M>().map_or(Json::Null, |known| known.to_string().into())
}

pub(super) fn value(field: &FieldDescriptor, of: &Value) -> Json {
    match of {
        Value::Bool(flag) => (*flag).into(),
        Value::I32(number) => (*number).into(),
        Value::U32(number) => (*number).into(),
        // As text: JavaScript and jq read numbers as doubles.
        Value::I64(number) => number.to_string().into(),
        Value::U64(number) => number.to_string().into(),
        Value::F32(number) => (*number).into(),
        Value::F64(number) => (*number).into(),
        Value::String(text) => text.clone().into(),
        Value::Bytes(bytes) => data_encoding::BASE64.encode(bytes).into(),
        Value::EnumNumber(number) => variant(field, *number),
        Value::Message(inner) => message(inner),
        Value::List(items) => items.iter().map(|item| value(field, item)).collect(),
        // No message of this API has a map.
        Value::Map(_) => Json::Null,
    }
}

fn variant(field: &FieldDescriptor, number: i32) -> Json {
    let Kind::Enum(known) = field.kind() else { return number.into() };
    known.get_value(number).map_or_else(|| number.into(), |variant| variant.name().into())
}
