//! The part of a device that only its kind has, as names and values for people. Read from the descriptors, so that it
//! cannot lag behind the messages.

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};

use super::{DESCRIPTORS, json, pb};

/// The fields of a device's `detail` that are set, in the order of their numbers. Enum values lose their prefix:
/// `sha1`. Empty, if the device has no detail that this program knows.
#[must_use]
pub fn detail(device: &pb::Device) -> Vec<(String, String)> {
    read(device).unwrap_or_default()
}

fn read(device: &pb::Device) -> Option<Vec<(String, String)>> {
    let message = DescriptorPool::decode(DESCRIPTORS).ok()?.get_message_by_name("countersign.v1.Device")?;
    let device = DynamicMessage::decode(message, device.encode_to_vec().as_slice()).ok()?;
    let oneof = device.descriptor().oneofs().find(|oneof| oneof.name() == "detail")?;
    let arm = oneof.fields().find(|arm| device.has_field(arm))?;
    let value = device.get_field(&arm);
    let detail = value.as_message()?;
    let message = detail.descriptor();
    let set = message.fields().filter(|field| !field.supports_presence() || detail.has_field(field));
    Some(set.map(|field| (field.name().to_owned(), text(&field, &detail.get_field(&field)))).collect())
}

fn text(field: &FieldDescriptor, value: &Value) -> String {
    if let (Kind::Enum(known), Value::EnumNumber(number)) = (field.kind(), value) {
        let prefix = known.default_value().name().trim_end_matches("UNSPECIFIED").to_owned();
        if let Some(variant) = known.get_value(*number) {
            let name = variant.name().strip_prefix(&prefix).unwrap_or(variant.name());
            return name.to_lowercase().replace('_', "-");
        }
    }
    match json::value(field, value) {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}
