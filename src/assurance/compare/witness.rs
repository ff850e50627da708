//! An example that tells two requirements apart.

use std::fmt;
use std::time::Duration;

use super::super::requirement::holds::{LeafSet, Program};
use super::super::requirement::shortest;
use super::item::{Item, World};
use crate::domain::ids::DeviceId;
use crate::domain::method::{Method, Sort};
use crate::domain::strength::{Property, Strength};

/// One piece of evidence in an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// How it was proved. Devices are numbered.
    pub method: Method,
    /// What it is worth.
    pub strength: Strength,
    /// How long ago.
    pub age: Duration,
    /// Given for the transaction.
    pub for_transaction: bool,
}

/// Evidence that satisfies one requirement and not the other. None of it can be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// At least one.
    pub pieces: Vec<Piece>,
}

impl Witness {
    /// The least of a world that still satisfies `one`. What is left out cannot make the other hold.
    pub(super) fn of(world: World, items: &[Item], one: &Program) -> Self {
        let mut pieces: Vec<(usize, usize)> = Vec::new();
        for (source, found) in world.iter().enumerate() {
            pieces.extend(found.items.iter().map(|item| (source, *item)));
        }
        pieces.sort_unstable();
        pieces.dedup();
        let mut masks: Vec<LeafSet> = vec![0; world.len()];
        let mut holds = |pieces: &[(usize, usize)]| {
            masks.fill(0);
            pieces.iter().for_each(|(source, item)| masks[*source] |= items[*item].one);
            one.holds(&masks)
        };
        let mut index = 0;
        while index < pieces.len() {
            let piece = pieces.remove(index);
            if !holds(&pieces) {
                pieces.insert(index, piece);
                index += 1;
            }
        }
        let mut numbered: Vec<usize> = Vec::new();
        let pieces = pieces.into_iter().map(|(source, item)| {
            if !numbered.contains(&source) {
                numbered.push(source);
            }
            let number = numbered.iter().position(|known| *known == source).unwrap_or(0) + 1;
            piece(&items[item], number)
        });
        Self { pieces: pieces.collect() }
    }
}

fn piece(item: &Item, number: usize) -> Piece {
    let method = match &item.sort {
        Sort::Kind(kind) => {
            Method::Device { kind: kind.clone(), device: DeviceId::trusted(&number.to_string()) }
        }
        Sort::External(name) => Method::External(name.clone()),
    };
    let Item { strength, age, for_transaction, .. } = item;
    Piece { method, strength: strength.clone(), age: *age, for_transaction: *for_transaction }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.method.name())?;
        if let Some(device) = self.method.device_id() {
            write!(f, " of device {device}")?;
        }
        let worth: Vec<&str> = self.strength.properties().iter().map(Property::as_str).collect();
        write!(f, " ({}", if worth.is_empty() { "worth nothing" } else { "" })?;
        write!(f, "{})", worth.join(", "))?;
        if !self.age.is_zero() {
            write!(f, ", {} ago", shortest(self.age))?;
        }
        f.write_str(if self.for_transaction { ", for the transaction" } else { "" })
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, piece) in self.pieces.iter().enumerate() {
            write!(f, "{}{piece}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}
