//! `Debug` for messages that hold secrets: it tells which fields are there, and nothing of what is in them.

use std::fmt::{Debug, Formatter, Result};

use super::pb;

macro_rules! redact {
    ($($message:ty),* $(,)?) => {$(
        impl Debug for $message {
            fn fmt(&self, f: &mut Formatter<'_>) -> Result {
                f.write_str(concat!(stringify!($message), " { .. }"))
            }
        }
    )*};
}

// The messages and oneofs with a field that `proto/` marks `debug_redact`, as `build.rs` finds them.
include!(concat!(env!("OUT_DIR"), "/redacted.rs"));
