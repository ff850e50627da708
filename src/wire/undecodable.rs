//! Which field of a request could not be decoded.
//!
//! prost says where it was, innermost first, and names a oneof where it means one of its arms:
//! `…: TotpSetup.account_name: EnrollDeviceRequest.setup: invalid string value…`. The caller is told the
//! path as protobuf has it: `totp.account_name`.

use std::sync::OnceLock;

use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

use super::DESCRIPTORS;
use crate::domain::violation::Violations;

/// What prost's errors begin with.
pub(super) const PREFIX: &str = "failed to decode Protobuf message:";

/// What is wrong with a request that prost could not decode, from what it said.
pub(super) fn violations(message: &str) -> Violations {
    let words = message.rsplit_once(PREFIX).map_or("", |(_, rest)| rest.trim());
    let is_text = words.contains("UTF-8");
    let problem = if is_text { "must be UTF-8" } else { "cannot be decoded: it is not what the schema says" };
    let places: Vec<_> = words.split(": ").map_while(|place| place.split_once('.')).collect();
    let mut path = Vec::new();
    for (depth, (message, field)) in places.iter().enumerate().rev() {
        let inner = depth.checked_sub(1).and_then(|inner| places.get(inner)).map(|(message, _)| *message);
        // What is not a message of this API is, to the caller, one value: a mask, a duration.
        let Some(message) = schema().iter().find(|known| known.name() == *message) else { break };
        path.extend(name(message, field, inner, is_text));
    }
    let path = if path.is_empty() { "request".to_owned() } else { path.join(".") };
    Violations::one(path, problem)
}

/// A field's own name; of a oneof, the name of the arm that holds `inner`, or of the only one that is text.
fn name<'d>(
    message: &'d DescriptorProto,
    field: &str,
    inner: Option<&str>,
    is_text: bool,
) -> Option<&'d str> {
    if let Some(own) = message.field.iter().find(|own| own.name() == field) {
        return Some(own.name());
    }
    let oneof = message.oneof_decl.iter().position(|oneof| oneof.name() == field)?;
    let arms =
        message.field.iter().filter(|arm| arm.oneof_index.is_some_and(|i| usize::try_from(i) == Ok(oneof)));
    let mut fits = arms.filter(|arm| match inner {
        Some(inner) => arm.type_name().rsplit('.').next() == Some(inner),
        None => !is_text || arm.r#type() == Type::String,
    });
    fits.next().filter(|_| fits.next().is_none()).map(FieldDescriptorProto::name)
}

/// The messages of this API.
fn schema() -> &'static [DescriptorProto] {
    static MESSAGES: OnceLock<Vec<DescriptorProto>> = OnceLock::new();
    MESSAGES.get_or_init(|| {
        let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default().file.into_iter();
        files.filter(|file| file.package() == "countersign.v1").flat_map(|file| file.message_type).collect()
    })
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::wire::pb;

    fn field_of<M: Message + Default>(bytes: &[u8]) -> String {
        let error = M::decode(bytes).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.starts_with(PREFIX), "prost says it otherwise now: {error:?}");
        violations(&error).iter().map(|violation| violation.field.clone()).collect()
    }

    #[test]
    fn the_path_of_what_is_not_utf_8_is_that_of_the_schema() {
        assert_eq!(field_of::<pb::VerifyRequest>(b"\x0a\x01\xff"), "subject");
        assert_eq!(field_of::<pb::VerifyRequest>(b"\x22\x03\x0a\x01\xff"), "proof.code");
        assert_eq!(field_of::<pb::EnrollDeviceRequest>(b"\x52\x03\x2a\x01\xff"), "totp.account_name");
        assert_eq!(field_of::<pb::EnrollDeviceRequest>(b"\x5a\x03\x2a\x01\xff"), "hotp.account_name");
        assert_eq!(field_of::<pb::UpdateDeviceRequest>(b"\x1a\x03\x0a\x01\xff"), "update_mask");
    }

    #[test]
    fn what_is_cut_off_or_of_another_type_is_named_as_far_as_it_is_known() {
        assert_eq!(field_of::<pb::VerifyRequest>(b"\xff\xff\xff"), "request");
        assert_eq!(field_of::<pb::VerifyRequest>(b"\x08\x01"), "subject");
        assert_eq!(field_of::<pb::VerifyRequest>(b"\x22\x02\x08\x01"), "proof.code");
        assert_eq!(field_of::<pb::EnrollDeviceRequest>(b"\x52\x05"), "request");
    }
}
