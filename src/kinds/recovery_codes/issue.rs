//! Making codes: for a new list, and for one that is there.

use super::code::{self, Typed};
use super::state::{CODES_MAX, Hashed, State};
use crate::crypto::keyring::Keyring;
use crate::domain::ids::DeviceId;
use crate::domain::secret::SecretText;
use crate::kinds::contract::Making;

/// The state of a code in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The code can still be used.
    Unused,
    /// The code was used.
    Used,
}

/// A list would hold more unused codes than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must leave a list of at most {limit} unused codes, and there are {unused} already")]
pub struct ListFull {
    /// How many it may hold.
    pub limit: u32,
    /// How many it holds.
    pub unused: u32,
}

/// Makes that many codes. They replace those of `state`, or are added to its unused ones.
///
/// # Errors
/// The list would hold more than 50 unused codes.
pub fn issue(
    state: Option<&State>,
    count: u32,
    keep_existing: bool,
    cx: &Making<'_>,
) -> Result<(State, Vec<SecretText>), ListFull> {
    let (mut unused, used) = kept(state.filter(|_| keep_existing));
    check_room(&unused, count)?;
    let codes: Vec<_> = (0..count).map(|_| code::generate(cx.entropy)).collect();
    unused.extend(codes.iter().filter_map(|code| Hashed::made(code, cx)));
    Ok((State::new(unused, used, cx.now), codes))
}

/// Adds a code that an operator chose (see [`code::chosen`]) to those of `state`. Adding one that is there
/// already, used or not, leaves one that can be used once.
///
/// # Errors
/// The list would hold more than 50 unused codes.
pub fn add_chosen(state: Option<&State>, code: &SecretText, cx: &Making<'_>) -> Result<State, ListFull> {
    let (mut unused, mut used) = kept(state);
    let typed = Typed { folded: None, exact: Some(code.clone()) };
    for list in [&mut unused, &mut used] {
        list.retain(|hashed| !bool::from(hashed.matches(&typed, cx.device, cx.keyring)));
    }
    check_room(&unused, 1)?;
    unused.push(Hashed::chosen(code, cx));
    Ok(State::new(unused, used, cx.now))
}

/// The state of a code in a list, compared in every way in which it could be typed. `None`: the list does not hold it.
#[must_use]
pub fn held(state: &State, code: &SecretText, device: &DeviceId, keyring: &Keyring) -> Option<Held> {
    let typed = Typed::read(code, true)?;
    // The comparison may end early: the operator who asks knows the code.
    let matches = |hashed: &Hashed| bool::from(hashed.matches(&typed, device, keyring));
    if state.used.iter().any(matches) {
        return Some(Held::Used);
    }
    state.unused.iter().any(matches).then_some(Held::Unused)
}

fn kept(state: Option<&State>) -> (Vec<Hashed>, Vec<Hashed>) {
    state.map_or_else(Default::default, |state| (state.unused.clone(), state.used.clone()))
}

fn check_room(unused: &[Hashed], count: u32) -> Result<(), ListFull> {
    let [limit, unused] = [CODES_MAX, unused.len()].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    if unused.saturating_add(count) > limit {
        return Err(ListFull { limit, unused });
    }
    Ok(())
}
