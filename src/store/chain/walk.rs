//! Verifying the audit log: every chain is walked from its start, and every hash computed again.
//!
//! What is found is an event that was changed, moved, put in, or removed from before another of the same
//! writer. What cannot be found is that a chain once was longer, or that one is missing whole: nothing
//! that is left speaks of it.

use std::cmp::Ordering;

use sea_orm::EntityTrait;
use subtle::ConstantTimeEq as _;

use super::super::entity::event::{Column, Entity, Model};
use super::super::{Store, dialect};
use super::{parts, start};
use crate::crypto::keyring::{Keyring, Purpose};
use crate::error::Fault;

/// Events that are read at once.
const PAGE: u64 = 1000;

/// What the audit log looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audit {
    /// Every chain holds.
    Whole {
        /// How many there are: one for each lane of each start of a server.
        writers: u64,
        /// Events in all of them.
        events: u64,
    },
    /// The first event, by writer, that does not hold.
    Broken(Broken),
}

/// Where a chain is broken, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The writer, whose chain it is.
    pub writer: String,
    /// The group of events, counted from 0.
    pub link: i64,
    /// The event in its group, counted from 0.
    pub place: i32,
    /// How.
    pub how: Break,
}

/// How a chain is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// The event is not what was written, or not where it was written.
    Changed,
    /// There is no event at this place, and there is one after it.
    Missing,
    /// The event is as it was written, and those before it are not.
    Unlinked,
    /// The key that it was hashed with is not in the key ring.
    KeyMissing,
}

impl Store {
    /// Verifies the whole audit log.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn audit(&self) -> Result<Audit, Fault> {
        let mut walk = Walk::new(&self.keyring);
        let mut cursor = Entity::find().cursor_by((Column::Writer, Column::Link, Column::Place));
        loop {
            let page: Vec<Model> = cursor
                .first(PAGE)
                .all(&self.reader)
                .await
                .map_err(|e| dialect::fault("reading the audit log", e))?;
            let Some(last) = page.last() else {
                return Ok(Audit::Whole { writers: walk.writers, events: walk.events });
            };
            cursor.after((last.writer.clone(), last.link, last.place));
            for row in &page {
                if let Err(broken) = walk.step(row) {
                    return Ok(Audit::Broken(broken));
                }
            }
        }
    }
}

/// A walk along chains, event by event, one writer after the other.
struct Walk<'k> {
    keyring: &'k Keyring,
    writers: u64,
    events: u64,
    /// The writer whose chain it is on.
    writer: Option<String>,
    /// The link that it is on, and where the next event in it stands, if no place is empty.
    link: i64,
    place: i32,
    /// What the events of this link follow.
    head: Vec<u8>,
    /// The hashes of this link's events so far.
    macs: Vec<Vec<u8>>,
    /// The first empty place of this link: of a commit that failed, or of an event that was removed.
    gap: Option<i32>,
}

impl<'k> Walk<'k> {
    fn new(keyring: &'k Keyring) -> Self {
        let (head, macs) = (Vec::new(), Vec::new());
        Self { keyring, writers: 0, events: 0, writer: None, link: 0, place: 0, head, macs, gap: None }
    }

    /// Goes on to the next event.
    fn step(&mut self, row: &Model) -> Result<(), Broken> {
        let key = &*row.mac_key;
        let broken = |link, place, how| Broken { writer: row.writer.clone(), link, place, how };
        let here = |how| broken(row.link, row.place, how);
        let mut gap_before = None;
        if self.writer.as_ref() != Some(&row.writer) {
            self.head = self.hash(key, &start(&row.writer)).ok_or_else(|| here(Break::KeyMissing))?;
            self.writer = Some(row.writer.clone());
            (self.link, self.place, self.gap) = (0, 0, None);
            self.macs.clear();
            self.writers += 1;
        }
        if row.link > self.link && !self.macs.is_empty() {
            let macs: Vec<&[u8]> = self.macs.iter().map(Vec::as_slice).collect();
            self.head = self.hash(key, &macs).ok_or_else(|| here(Break::KeyMissing))?;
            gap_before = self.gap.take();
            (self.link, self.place) = (self.link + 1, 0);
            self.macs.clear();
        }
        match row.link.cmp(&self.link) {
            Ordering::Equal if row.place >= self.place => {}
            Ordering::Greater => return Err(broken(self.link, self.place, Break::Missing)),
            Ordering::Less | Ordering::Equal => return Err(here(Break::Changed)),
        }
        if row.place > self.place {
            self.gap.get_or_insert(self.place);
        }
        let parts = parts(row);
        let mac =
            self.hash(key, &parts.each_ref().map(|part| &**part)).ok_or_else(|| here(Break::KeyMissing))?;
        if !bool::from(mac.ct_eq(&row.mac)) {
            return Err(here(Break::Changed));
        }
        if !bool::from(self.head.ct_eq(&row.previous)) {
            // The link before is not as it was followed: what is missing from it stood where it has a gap, or
            // at its end.
            return Err(match gap_before {
                Some(gap) => broken(self.link - 1, gap, Break::Missing),
                None => here(Break::Unlinked),
            });
        }
        self.macs.push(row.mac.clone());
        self.place = row.place + 1;
        self.events += 1;
        Ok(())
    }

    fn hash(&self, key: &str, parts: &[&[u8]]) -> Option<Vec<u8>> {
        self.keyring.hash_with(key, Purpose::Audit, parts).map(|hash| hash.to_vec())
    }
}
