//! The API as its descriptors say it: tests that walk it miss no method and no field.

use std::sync::LazyLock;

use countersign::wire::DESCRIPTORS;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, Value,
};

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).unwrap());

/// Every method of this API, in the order of the files.
pub(crate) fn methods() -> Vec<MethodDescriptor> {
    let methods: Vec<_> = POOL.services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
    assert!(methods.len() > 10, "the descriptors hold hardly any method");
    methods
}

/// How a method is called: `/package.Service/Method`.
pub(crate) fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

/// The message that a method takes.
pub(crate) fn input(method: &str) -> MessageDescriptor {
    let found = methods().into_iter().find(|m| m.name() == method);
    found.unwrap_or_else(|| panic!("there is no method {method}")).input()
}

/// Whether a method changes something: all of those, and only those, take a `request_id`.
pub(crate) fn is_mutating(method: &MethodDescriptor) -> bool {
    method.input().get_field_by_name("request_id").is_some()
}

/// Every field of a message that holds no other field of this API, by its path.
pub(crate) fn leaves(message: &MessageDescriptor) -> Vec<Vec<FieldDescriptor>> {
    let mut found = Vec::new();
    for field in message.fields() {
        match field.kind() {
            Kind::Message(inner) if inner.package_name() == "countersign.v1" && !field.is_map() => {
                found.push(vec![field.clone()]);
                let below = leaves(&inner).into_iter();
                found.extend(below.map(|path| [vec![field.clone()], path].concat()));
            }
            _ => found.push(vec![field]),
        }
    }
    found
}

/// A field's path as errors name it.
pub(crate) fn name(path: &[FieldDescriptor]) -> String {
    path.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join(".")
}

/// Puts a value into the field at that path, or into its first place where the field is repeated.
pub(crate) fn put(message: &mut DynamicMessage, path: &[FieldDescriptor], value: Value) {
    let (field, below) = path.split_first().unwrap();
    if !below.is_empty() {
        return put(message.get_field_mut(field).as_message_mut().unwrap(), below, value);
    }
    if !field.is_list() || matches!(value, Value::List(_)) {
        return message.set_field(field, value);
    }
    let list = message.get_field_mut(field).as_list_mut().unwrap();
    match list.first_mut() {
        Some(first) => *first = value,
        None => list.push(value),
    }
}

/// Whether the message that holds the field at that path is there, and no other arm of its oneof.
pub(crate) fn is_reachable(message: &DynamicMessage, path: &[FieldDescriptor]) -> bool {
    let (field, below) = path.split_first().unwrap();
    let arms = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
    let is_other_arm = arms.is_some_and(|oneof| {
        !message.has_field(field) && oneof.fields().any(|other| message.has_field(&other))
    });
    let inside = message.get_field(field);
    !is_other_arm && (below.is_empty() || inside.as_message().is_some_and(|inner| is_reachable(inner, below)))
}
