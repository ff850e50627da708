//! The hot commit: verifications of devices and what they mean, and nothing else. What a database can do in one
//! statement for one of them, it does here for a whole group.
//!
//! On PostgreSQL each commit of a group stands or falls by itself. The others write all of a group or nothing;
//! where one of it turns out to be stale or recorded, which is rare, the group goes the way of every other.

mod mysql;
mod postgres;
mod sqlite;

use std::sync::Arc;

use sea_orm::sqlx;
use sea_orm::{DbBackend, DbErr, RuntimeErr};

use super::super::chain::Entry;
use super::super::commit::{Commit, Hot, Outcome};
use super::super::entity::{self, request};
use super::{WriteError, Writer, clearing};
use crate::domain::device::Device;
use crate::domain::evidence::Evidence;

/// What a group writes. Everything beside the devices carries the number of its device's commit.
pub(super) struct Group<'a> {
    /// Devices, each over the version before.
    pub(super) devices: Vec<&'a Device>,
    /// What was proved.
    pub(super) evidence: Vec<(usize, Proved<'a>)>,
    /// Events, in the order in which they are told.
    pub(super) events: Vec<(usize, Entry<'a>)>,
    /// Request records.
    pub(super) records: Vec<(usize, request::Model)>,
}

/// Evidence, and whose it is.
pub(super) struct Proved<'a> {
    pub(super) commit: &'a Commit,
    pub(super) evidence: &'a Evidence,
    /// What it is worth, as it is written.
    pub(super) strength: String,
    /// Older pieces that it outdoes are deleted with this commit: see [`super::clearing`].
    pub(super) clears: bool,
}

/// What became of a group.
pub(super) enum Written {
    /// All of it is on disk.
    All,
    /// Nothing of it is: something in it is stale or recorded.
    Nothing,
    /// Each for itself.
    Each(Vec<Outcome>),
}

impl Writer {
    /// Writes a group of hot commits. `None`: it is not one, or not all of it could be written, and nothing is.
    pub(super) async fn write_hot(&mut self, group: &[Commit]) -> Result<Option<Vec<Outcome>>, WriteError> {
        let Some(work) = self.hot_group(group) else { return Ok(None) };
        let written = match self.db.backend() {
            DbBackend::Postgres => postgres::write(&self.db, &mut self.own, &self.chain, &work).await,
            DbBackend::MySql => mysql::write(&self.db, &mut self.own, &self.chain, &work).await,
            _ => sqlite::write(&self.db, &mut self.file, &self.chain, &work).await,
        };
        let outcomes = match written {
            Ok(Written::All) => vec![Outcome::Done; group.len()],
            Ok(Written::Nothing) => return Ok(None),
            Ok(Written::Each(outcomes)) => outcomes,
            Err(error) => {
                if !matches!(error, WriteError::NotBegun(_)) {
                    // The link may be there or not, so none can follow it: a new chain begins.
                    self.chain.restart(&*self.entropy);
                }
                return Err(error);
            }
        };
        let done = work.events.iter().filter(|(commit, _)| outcomes[*commit] == Outcome::Done);
        self.chain.advance(done.map(|(_, entry)| entry.mac.as_slice()));
        Ok(Some(outcomes))
    }

    fn hot_group<'a>(&self, group: &'a [Commit]) -> Option<Group<'a>> {
        let mut work =
            Group { devices: Vec::new(), evidence: Vec::new(), events: Vec::new(), records: Vec::new() };
        for (number, commit) in group.iter().enumerate() {
            let Hot { device, evidence } = commit.hot()?;
            work.devices.push(device);
            if let Some(proved) = evidence {
                let strength = entity::evidence::strength(proved).ok()?;
                let clears = clearing::is_due(device, proved);
                work.evidence.push((number, Proved { commit, evidence: proved, strength, clears }));
            }
            for event in &commit.events {
                let place = i32::try_from(work.events.len()).ok()?;
                work.events.push((number, self.chain.entry(place, event)));
            }
            if let Some(record) = &commit.record {
                work.records.push((number, self.record(&commit.tenant, record)));
            }
        }
        Some(work)
    }
}

/// The columns of new evidence, in the order in which hot statements take them.
const EVIDENCE: &str = "tenant, subject, id, method, device, verified_at, expires_at, scope, session, client, \
                        digest, epoch, strength, source, spent_at";
/// The columns of a request record.
const RECORD: &str = "tenant, caller, id, digest_key, digest, answer, expires_at";

/// An error of sqlx as sea-orm has it.
fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
}
