//! The API as its descriptors say it: tests that walk it miss no method and no field.

use std::sync::LazyLock;

use countersign::wire::DESCRIPTORS;
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};

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
            Kind::Message(inner) if inner.package_name() == "countersign.v1" => {
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
