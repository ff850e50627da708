//! The audit log's chain. A writer is one lane of commits. Each group that it commits is one link: every
//! event in it carries the head of the chain before the group and a keyed hash of itself over that head; the
//! next head is a keyed hash of those of the events that were written. An event that is changed, moved or
//! removed leaves a head that does not follow; a commit that fails leaves no gap. The key is not in the
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

    /// An event's row in the link that comes next.
    pub(super) fn row(&self, place: i32, event: &Event) -> Model {
        let mut row = Model {
            writer: self.writer.clone(),
            link: self.link,
            place,
            tenant: event.tenant.as_str().to_owned(),
            at: event.at.micros(),
            what: event.what.as_str().to_owned(),
            subject: event.subject.as_str().to_owned(),
            device: event.device.as_ref().map_or(String::new(), |id| id.as_str().to_owned()),
            caller: event.caller.as_str().to_owned(),
            details: serde_json::to_string(&event.details).unwrap_or_default(),
            mac_key: String::new(),
            previous: self.head.clone(),
            mac: Vec::new(),
        };
        let KeyedHash { key, hash } =
            self.keyring.hash(Purpose::Audit, &parts(&row).each_ref().map(|p| &**p));
        row.mac_key = key;
        row.mac = hash.to_vec();
        row
    }

    /// The link is on disk with these events, in the order of their places.
    pub(super) fn advance<'a>(&mut self, written: impl Iterator<Item = &'a Model>) {
        let macs: Vec<&[u8]> = written.map(|row| row.mac.as_slice()).collect();
        if macs.is_empty() {
            return;
        }
        self.head = self.keyring.hash(Purpose::Audit, &macs).hash.to_vec();
        self.link += 1;
    }
}

/// What a writer's first events follow.
fn start(writer: &str) -> [&[u8]; 2] {
    [b"start", writer.as_bytes()]
}

/// What an event's hash covers: all of its row but the hash.
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
