//! The hot commit: verifications of devices and what they mean, and nothing else. One statement's worth of
//! work for a whole group, in one round trip.
//!
//! It writes all of a group or nothing, so that the link of the chain is what was hashed. Where a commit of
//! the group turns out to be stale or recorded, which is rare, nothing is written, and the group goes the way
//! of every other.

use sea_orm::DbBackend;

use super::super::chain::Entry;
use super::super::commit::{Commit, Outcome};
use super::super::dialect;
use super::super::entity::request;
use super::{WriteError, Writer, sqlite_hot};
use crate::domain::device::Device;

/// What a group writes.
pub(super) struct Group<'a> {
    /// Devices, each over the version before.
    pub(super) devices: Vec<&'a Device>,
    /// Events, in the order of their places.
    pub(super) events: Vec<Entry<'a>>,
    /// Request records.
    pub(super) records: Vec<request::Model>,
}

/// What became of a group.
pub(super) enum Written {
    /// All of it is on disk.
    All,
    /// Nothing of it is: something in it is stale or recorded.
    Nothing,
}

impl Writer {
    /// Writes a group of hot commits at once. `None`: it is not one, or not all of it could be written, and
    /// nothing is.
    pub(super) async fn write_hot(&mut self, group: &[Commit]) -> Result<Option<Vec<Outcome>>, WriteError> {
        let Some(devices) = group.iter().map(Commit::hot).collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        if self.db.backend() != DbBackend::Sqlite {
            return Ok(None);
        }
        let events = (0..).zip(group.iter().flat_map(|commit| &commit.events));
        let events: Vec<Entry<'_>> = events.map(|(place, event)| self.chain.entry(place, event)).collect();
        let records = group
            .iter()
            .filter_map(|commit| commit.record.as_ref().map(|record| self.record(&commit.tenant, record)))
            .collect();
        let work = Group { devices, events, records };
        let db = self.db.now();
        match sqlite_hot::write(db.get_sqlite_connection_pool(), &self.chain, &work).await {
            Ok(Written::All) => {}
            Ok(Written::Nothing) => return Ok(None),
            // Another process has the file: it was not begun, and whatever is tried next fares alike.
            Err(error) if dialect::is_conflict(&error) => return Err(WriteError::NotBegun(error)),
            Err(error) => {
                // Nobody can say whether it is written, so no link can follow it: a new chain begins.
                self.chain.restart(&*self.entropy);
                return Err(WriteError::Failed(error));
            }
        }
        self.chain.advance(work.events.iter().map(|entry| entry.mac.as_slice()));
        Ok(Some(vec![Outcome::Done; group.len()]))
    }
}
