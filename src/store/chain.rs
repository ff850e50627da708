//! The audit log's chain. A writer is one lane of commits. Each group that it commits is one link: every
//! event in it carries the head of the chain before the group and a keyed hash of itself over that head; the
//! next head is a keyed hash of those of the events that were written. An event that is changed, moved or
//! removed leaves a head that does not follow. A commit that fails leaves no gap between links; within one its
//! place stays empty. The key is not in the
//! database, so who can write there cannot mend the chain.

mod walk;

use std::sync::Arc;

use super::entity::event::Model;
use crate::crypto::keyring::{KeyedHash, Keyring, Purpose};
use crate::domain::event::Event;
use crate::env::Entropy;

pub use self::walk::{Audit, Break, Broken};

/// The chain of one lane.
pub(super) struct Chain {
    keyring: Arc<Keyring>,
    writer: String,
    link: i64,
    head: Vec<u8>,
}

impl Chain {
    /// A new chain, with a random name.
    pub(super) fn start(keyring: Arc<Keyring>, entropy: &dyn Entropy) -> Self {
        let mut writer = data_encoding::BASE32_NOPAD.encode(&entropy.bytes::<16>());
        writer.make_ascii_lowercase();
        let head = keyring.hash(Purpose::Audit, &start(&writer)).hash.to_vec();
        Self { keyring, writer, link: 0, head }
    }

    /// Begins anew under another name: where nobody can say whether the last link was written, none can
    /// follow it.
    pub(super) fn restart(&mut self, entropy: &dyn Entropy) {
        *self = Self::start(self.keyring.clone(), entropy);
    }

    /// Its name.
    pub(super) fn writer(&self) -> &str {
        &self.writer
    }

    /// The number of the link that comes next.
    pub(super) fn link(&self) -> i64 {
        self.link
    }

    /// What the link that comes next follows.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// The id of the key that it hashes with.
    pub(super) fn key(&self) -> &str {
        self.keyring.active_id()
    }

    /// An event in the link that comes next.
    pub(super) fn entry<'e>(&self, place: i32, event: &'e Event) -> Entry<'e> {
        let details = serde_json::to_string(&event.details).unwrap_or_default();
        // All of the row but the hash.
        let KeyedHash { hash, .. } = self.keyring.hash(
            Purpose::Audit,
            &[
                self.writer.as_bytes(),
                &self.link.to_be_bytes(),
                &place.to_be_bytes(),
                &self.head,
                event.tenant.as_str().as_bytes(),
                &event.at.micros().to_be_bytes(),
                event.what.as_str().as_bytes(),
                event.subject.as_str().as_bytes(),
                event.device.as_ref().map_or("", |id| id.as_str()).as_bytes(),
                event.caller.as_str().as_bytes(),
                details.as_bytes(),
            ],
        );
        Entry { event, place, details, mac: hash }
    }

    /// An event's row in the link that comes next.
    pub(super) fn row(&self, place: i32, event: &Event) -> Model {
        let Entry { details, mac, .. } = self.entry(place, event);
        Model {
            writer: self.writer.clone(),
            link: self.link,
            place,
            tenant: event.tenant.as_str().to_owned(),
            at: event.at.micros(),
            what: event.what.as_str().to_owned(),
            subject: event.subject.as_str().to_owned(),
            device: event.device.as_ref().map_or(String::new(), |id| id.as_str().to_owned()),
            caller: event.caller.as_str().to_owned(),
            details,
            mac_key: self.key().to_owned(),
            previous: self.head.clone(),
            mac: mac.to_vec(),
        }
    }

    /// The link is on disk with the events of these hashes, in the order of their places.
    pub(super) fn advance<'a>(&mut self, macs: impl Iterator<Item = &'a [u8]>) {
        let macs: Vec<&[u8]> = macs.collect();
        if macs.is_empty() {
            return;
        }
        self.head = self.keyring.hash(Purpose::Audit, &macs).hash.to_vec();
        self.link += 1;
    }
}

/// An event in a link.
pub(super) struct Entry<'e> {
    pub(super) event: &'e Event,
    pub(super) place: i32,
    /// What else there is to know, as it is written.
    pub(super) details: String,
    /// The keyed hash of all of its row.
    pub(super) mac: [u8; 32],
}

/// What a writer's first events follow.
fn start(writer: &str) -> [&[u8]; 2] {
    [b"start", writer.as_bytes()]
}

/// What an event's hash covers, as it is read back: all of its row but the hash, as in [`Chain::entry`].
fn parts(row: &Model) -> [Box<[u8]>; 11] {
    [
        row.writer.as_bytes().into(),
        Box::new(row.link.to_be_bytes()),
        Box::new(row.place.to_be_bytes()),
        row.previous.as_slice().into(),
        row.tenant.as_bytes().into(),
        Box::new(row.at.to_be_bytes()),
        row.what.as_bytes().into(),
        row.subject.as_bytes().into(),
        row.device.as_bytes().into(),
        row.caller.as_bytes().into(),
        row.details.as_bytes().into(),
    ]
}
