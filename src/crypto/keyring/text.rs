//! The key ring as text: TOML with `active`, the id of one key, and `[keys]`, ids with 32 bytes each in
//! base64. From a file, or from the environment.

use std::collections::BTreeMap;
use std::sync::Arc;

use data_encoding::BASE64;
use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::Keyring;
use super::derive::{KEY, Key};
use crate::domain::secret::SecretText;

/// The longest id of a key.
const ID_MAX: usize = 32;

/// Why a text is no usable key ring. Says the ids of keys, and nothing else that stands in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// Not TOML, or a name stands in it twice.
    #[error("line {line} is not TOML ({problem}); the file that `countersign init` makes shows the form")]
    NotToml {
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        problem: String,
    },
    /// Something that has no place in it.
    #[error("{name:?} has no place in it; it holds `active` and the table `[keys]`")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// No keys at all.
    #[error("it has no keys; put at least one under `[keys]`, or make a new ring with `countersign init`")]
    NoKeys,
    /// No active key.
    #[error("`active` must be the id of one of its keys")]
    NoActive,
    /// The active key is not there.
    #[error("the active key {id:?} is not under `[keys]`; name one that is, or put it back")]
    ActiveMissing {
        /// Its id.
        id: String,
    },
    /// An id that cannot be one.
    #[error("{id:?} cannot be the id of a key; use 1 to 32 of a-z, 0-9 and '-'")]
    Id {
        /// It.
        id: String,
    },
    /// Not base64.
    #[error("the key {id:?} is not base64; make one with `head -c32 /dev/urandom | base64`")]
    NotBase64 {
        /// Its id.
        id: String,
    },
    /// Not 32 bytes.
    #[error(
        "the key {id:?} has {length} bytes and must have 32; make one with `head -c32 /dev/urandom | base64`"
    )]
    Length {
        /// Its id.
        id: String,
        /// How many it has.
        length: usize,
    },
    /// The same byte 32 times.
    #[error("the key {id:?} is one byte repeated; make one with `head -c32 /dev/urandom | base64`")]
    Trivial {
        /// Its id.
        id: String,
    },
    /// One key under two ids.
    #[error("the keys {first:?} and {second:?} are the same; remove the one that nothing was sealed with")]
    Twice {
        /// One id.
        first: String,
        /// The other.
        second: String,
    },
}

impl Keyring {
    /// Reads a ring.
    ///
    /// # Errors
    /// The text is not a ring, or has a key that must not be used.
    pub fn parse(text: &str) -> Result<Self, RingError> {
        let table = DeTable::parse(text).map_err(|e| not_toml(text, &e))?.into_inner();
        if let Some(name) = table.keys().find(|name| !["active", "keys"].contains(&name.get_ref().as_ref())) {
            return Err(RingError::Unknown { name: name.get_ref().to_string() });
        }
        let stored = table.get("keys").and_then(|keys| keys.get_ref().as_table()).ok_or(RingError::NoKeys)?;
        let mut keys = BTreeMap::new();
        for (id, value) in stored {
            let key = parse_key(id.get_ref(), value.get_ref())?;
            if let Some(first) = keys.values().find(|other: &&Arc<Key>| other.master == key.master) {
                return Err(RingError::Twice { first: first.id.clone(), second: key.id });
            }
            keys.insert(key.id.clone(), Arc::new(key));
        }
        if keys.is_empty() {
            return Err(RingError::NoKeys);
        }
        let id =
            table.get("active").and_then(|active| active.get_ref().as_str()).ok_or(RingError::NoActive)?;
        let active = keys.get(id).ok_or_else(|| RingError::ActiveMissing { id: id.to_owned() })?;
        Ok(Self { active: Arc::clone(active), keys })
    }

    /// The ring as [`Keyring::parse`] reads it.
    #[must_use]
    pub fn to_text(&self) -> SecretText {
        let mut text = Zeroizing::new(String::with_capacity(512 + self.keys.len() * 128));
        text.push_str(
            "# The master keys of Countersign. Who has them opens every secret in the database; if they\n",
        );
        text.push_str("# are lost, nobody does. Keep a copy apart from the backups of the database.\n");
        text.push_str(&format!("active = \"{}\"\n\n[keys]\n", self.active.id));
        for key in self.keys.values() {
            let base64 = Zeroizing::new(BASE64.encode(&*key.master));
            for piece in [&key.id, " = \"", &base64, "\"\n"] {
                text.push_str(piece);
            }
        }
        SecretText::new(std::mem::take(&mut *text))
    }
}

fn parse_key(id: &str, value: &DeValue<'_>) -> Result<Key, RingError> {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let id = id.to_owned();
    if id.is_empty() || id.len() > ID_MAX || !id.bytes().all(fine) {
        return Err(RingError::Id { id });
    }
    let decoded = value.as_str().and_then(|text| BASE64.decode(text.trim().as_bytes()).ok());
    let Some(bytes) = decoded.map(Zeroizing::new) else {
        return Err(RingError::NotBase64 { id });
    };
    let Ok(master) = <&[u8; KEY]>::try_from(bytes.as_slice()) else {
        return Err(RingError::Length { id, length: bytes.len() });
    };
    if master.iter().all(|byte| *byte == master[0]) {
        return Err(RingError::Trivial { id });
    }
    Ok(Key::new(id, master))
}

/// The parser's own words, without the line that it would show: a key may stand there.
fn not_toml(text: &str, error: &toml::de::Error) -> RingError {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    let line = text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
    RingError::NotToml { line, problem: error.message().to_owned() }
}
