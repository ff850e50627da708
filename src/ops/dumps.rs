//! The memory of the process, which holds the key ring, is nobody else's to read.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Has the kernel write no core file of this process, and let no other process of the same user trace it or read its
/// memory. Root still can.
///
/// # Errors
/// The kernel refuses, as a seccomp filter may have it do.
pub fn forbid_dumps() -> io::Result<()> {
    // A program that takes core dumps through a pipe ignores the limit, and not this.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?)
}
