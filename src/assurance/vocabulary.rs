//! What requirements can speak of: the kinds of devices and the external methods, with what each is worth.

use super::requirement::macros::MACROS;
use super::requirement::mistake::{Mistakes, Wrong};
use super::requirement::parser::KEYWORDS;
use crate::domain::kind::KindInfo;
use crate::domain::method::{MethodName, Sort};
use crate::domain::strength::{Property, Strength};

/// The longest name, in bytes.
const NAME_MAX: usize = 63;

/// One sort of method and every strength that its evidence can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The sort.
    pub sort: Sort,
    /// One for most; a passkey may or may not verify its user.
    pub strengths: Vec<Strength>,
}

/// What requirements can speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    entries: Vec<Entry>,
}

impl Entry {
    /// A kind of device.
    #[must_use]
    pub fn kind(name: impl Into<MethodName>, strengths: Vec<Strength>) -> Self {
        Self { sort: Sort::Kind(name.into()), strengths }
    }

    /// An external method.
    #[must_use]
    pub fn external(name: MethodName, strength: Strength) -> Self {
        Self { sort: Sort::External(name), strengths: vec![strength] }
    }
}

impl Vocabulary {
    /// Exactly these. Their names are not checked: for tests.
    #[must_use]
    pub fn of(entries: Vec<Entry>) -> Self {
        Self { entries }
    }

    /// The kinds of devices.
    #[must_use]
    pub fn of_kinds(kinds: &[&KindInfo]) -> Self {
        let entry = |info: &&KindInfo| Entry::kind(info.kind.clone(), (info.strengths)());
        Self { entries: kinds.iter().map(entry).collect() }
    }

    /// The kinds of devices, and the external methods of the configuration, by name.
    ///
    /// # Errors
    /// Names that cannot be a method's: all of them at once.
    pub fn parse(kinds: &[&KindInfo], external: &[(&str, Strength)]) -> Result<Self, Mistakes> {
        let mut vocabulary = Self::of_kinds(kinds);
        let mut mistakes = Mistakes::default();
        for (name, strength) in external {
            if let Err(wrong) = vocabulary.check_name(name) {
                mistakes.push(wrong.within("methods", *name));
                continue;
            }
            let entry = Entry::external(MethodName::trusted((*name).to_owned()), strength.clone());
            vocabulary.entries.push(entry);
        }
        if mistakes.is_empty() { Ok(vocabulary) } else { Err(mistakes) }
    }

    /// With what another one knows as well.
    #[must_use]
    pub fn joined(mut self, other: &Self) -> Self {
        for entry in &other.entries {
            match self.entries.iter_mut().find(|known| known.sort == entry.sort) {
                None => self.entries.push(entry.clone()),
                Some(known) => {
                    for strength in &entry.strengths {
                        if !known.strengths.contains(strength) {
                            known.strengths.push(strength.clone());
                        }
                    }
                }
            }
        }
        self
    }

    /// Each method.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The kinds of devices.
    pub fn kinds(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| matches!(entry.sort, Sort::Kind(_)))
    }

    /// The method of that name.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.sort.name().as_str() == name)
    }

    /// Every name that a selector can hold, and the macros.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.entries.iter().map(|entry| entry.sort.name().as_str()).collect();
        let properties = Property::ALL.into_iter().map(Property::as_str).filter(|name| !name.contains(' '));
        let fixed: Vec<&'static str> =
            properties.chain(MACROS.into_iter().map(|(name, _)| name)).chain(["any"]).collect();
        names.extend_from_slice(&fixed);
        names
    }

    /// Whether a name can be given to something new: a method or a requirement.
    ///
    /// # Errors
    /// What would be right.
    pub fn check_name(&self, name: &str) -> Result<(), Wrong> {
        let wrong = |title: String, label: &str| Err(Wrong::new(0..name.len(), title, label));
        let mut chars = name.chars();
        let starts = chars.next().is_some_and(|c| c.is_ascii_lowercase());
        let goes_on = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.');
        if !starts || !chars.all(goes_on) || name.len() > NAME_MAX {
            let label = "1 to 63 of a-z, 0-9, `_`, `-` and `.`, the first a letter";
            return wrong("this cannot be a name".to_owned(), label);
        }
        if KEYWORDS.contains(&name) || ["recovery", "restricted_channel"].contains(&name) {
            return wrong(format!("`{name}` is a word of the grammar"), "choose another name");
        }
        if self.entry(name).is_some() {
            return wrong(format!("`{name}` is a method"), "choose another name");
        }
        if self.names().contains(&name) {
            return wrong(format!("`{name}` is a property or a macro"), "choose another name");
        }
        Ok(())
    }
}
