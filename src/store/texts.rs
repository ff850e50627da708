//! Statement texts that are made once, so that the database prepares each only once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, OnceLock, RwLock};

/// Rows of a table in one text: a group is filled up to one of these with rows that are nothing, so that
/// there are few texts.
const SIZES: [usize; 10] = [1, 2, 4, 8, 12, 16, 24, 32, 48, 64];

/// The size of a text that holds so many rows.
pub(in crate::store) fn size(rows: usize) -> usize {
    if rows == 0 { 0 } else { SIZES.into_iter().find(|size| *size >= rows).unwrap_or(rows) }
}

/// Texts by what they hold.
pub(in crate::store) struct Texts<K> {
    made: OnceLock<RwLock<HashMap<K, Arc<str>>>>,
}

impl<K: Copy + Eq + Hash> Texts<K> {
    pub(in crate::store) const fn new() -> Self {
        Self { made: OnceLock::new() }
    }

    /// The text that holds that.
    pub(in crate::store) fn of(&self, key: K, make: impl FnOnce(K) -> String) -> Arc<str> {
        let texts = self.made.get_or_init(RwLock::default);
        if let Some(text) = texts.read().ok().and_then(|texts| texts.get(&key).cloned()) {
            return text;
        }
        let text: Arc<str> = make(key).into();
        if let Ok(mut texts) = texts.write() {
            texts.insert(key, text.clone());
        }
        text
    }
}
