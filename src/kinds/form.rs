//! The number of the form in which a kind writes its state.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Marks stored JSON as being of form `N`, the current one. Reads every form up to it: what a newer form
/// added has a default where it is missing. A form that is newer still is refused, since writing it back
/// would lose what this program does not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Form<const N: u8>;

impl<const N: u8> Serialize for Form<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(N)
    }
}

impl<'de, const N: u8> Deserialize<'de> for Form<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = u8::deserialize(deserializer)?;
        if (1..=N).contains(&form) {
            return Ok(Self);
        }
        Err(D::Error::custom(format!("form {form} was written by another version: this one reads 1 to {N}")))
    }
}

/// The number of the form in which a state is written. `None`: it is not what any release wrote.
pub(super) fn form_of(text: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Numbered {
        v: u64,
    }
    serde_json::from_str::<Numbered>(text).ok().map(|numbered| numbered.v)
}
