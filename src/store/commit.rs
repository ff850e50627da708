//! What is written together or not at all.

use super::fingerprint::Factor;
use crate::domain::client::Client;
use crate::domain::device::{Device, SubjectState};
use crate::domain::event::Event;
use crate::domain::evidence::Evidence;
use crate::domain::ids::{CallerName, ClientId, DeviceId, EvidenceId, RequestId, SessionId, Subject, Tenant};
use crate::domain::moment::Moment;
use crate::domain::secret::Secret;

/// One unit of work: changes, each to the version that it was made from, and what they mean. Cannot be
/// made without an event.
#[derive(Debug)]
pub struct Commit {
    pub(super) tenant: Tenant,
    pub(super) subject: Subject,
    /// The caller that makes the commit.
    pub(super) caller: CallerName,
    pub(super) changes: Vec<Change>,
    pub(super) events: Vec<Event>,
    pub(super) record: Option<Record>,
}

/// One row that changes. A device or subject in it is the successor of the version that was judged: it is
/// written only over that version.
#[derive(Debug)]
pub enum Change {
    /// A new device, and its secret to be sealed. Stale if another device of its subject has the secret.
    Insert(Box<Device>, Secret),
    /// What a verification changes: state, detail, failures, time of use.
    Progress(Box<Device>),
    /// All of a device that can change, but its secret.
    Rewrite(Box<Device>),
    /// All of a device that can change, but its secret, over an older version than the one before: that
    /// which a database shows that has forgotten the ones between.
    Restore(Box<Device>, i64),
    /// A device that is removed, at the version that was read. What it has used up is noted for its secret.
    Delete(Box<Device>),
    /// One more secret that a device has from now on. Stale if another device of its subject has it.
    Hold(Box<Device>, Factor),
    /// What is kept of the commit's subject.
    Subject(SubjectState),
    /// Moves the commit's subject on, whatever its version: commits that rest on an older one become stale.
    MoveSubject,
    /// Something that the commit's subject has proved.
    Evidence(Box<Evidence>),
    /// Evidence for a transaction that a decision uses up: written only if none has.
    Spend(EvidenceId, Moment),
    /// Evidence that counts for nothing from that moment. What is revoked already stays as it is.
    Revoke(Revoked, Moment),
    /// A session that is signed out: nothing that was proved in it until then counts, even if it is recorded later.
    RevokeSession(SessionRevocation),
    /// A client that is remembered from now on.
    Remember(Box<Client>),
    /// A client was seen at that moment, if it is still remembered.
    See(ClientId, Moment),
    /// Clients that are forgotten: these.
    Forget(Vec<ClientId>),
    /// Every client of the commit's subject is forgotten, whichever are known to who makes the commit. It moves
    /// the subject on, as who remembers one does: so none is missed.
    ForgetAll,
}

/// Which of the subject's evidence is revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// This.
    One(EvidenceId),
    /// All that was given in a session.
    Session(SessionId),
    /// All that a device gave.
    Device(DeviceId),
}

/// A session of a subject that was signed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRevocation {
    /// The session.
    pub session: SessionId,
    /// The moment of the sign-out. Nothing that was proved in the session until then counts.
    pub revoked_at: Moment,
    /// The end of this row: by then, all evidence from before the sign-out has expired.
    pub expires_at: Moment,
}

/// One verification of one device, and nothing else: a commit of the hot path.
pub(super) struct Hot<'a> {
    pub(super) device: &'a Device,
    pub(super) evidence: Option<&'a Evidence>,
}

/// What was asked under a request id, and what is answered.
#[derive(Debug, Clone)]
pub struct Record {
    /// Who asked.
    pub caller: CallerName,
    /// The id.
    pub id: RequestId,
    /// What was asked: method and message. Only a keyed digest of it is kept.
    pub asked: Secret,
    /// The answer, kept sealed.
    pub answer: Secret,
    /// When it is forgotten.
    pub expires_at: Moment,
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is on disk.
    Done,
    /// Something that it was judged from has changed: nothing was written. Read again, judge again.
    Stale,
    /// There is a record of its request id already: nothing was written.
    Recorded,
}

impl Commit {
    /// A commit that says what happened.
    #[must_use]
    pub fn new(event: Event) -> Self {
        Self {
            tenant: event.tenant.clone(),
            subject: event.subject.clone(),
            caller: event.caller.clone(),
            changes: Vec::new(),
            events: vec![event],
            record: None,
        }
    }

    /// Also changes that.
    #[must_use]
    pub fn change(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }

    /// Makes the commit over the subject: stale unless the subject is at the version before `next`. A commit that changes
    /// the subject already is. The subject comes first, as in every commit that changes devices with it, so that two of
    /// them do not lock each other's rows.
    #[must_use]
    pub fn over_subject(mut self, next: SubjectState) -> Self {
        if !self.changes.iter().any(|change| matches!(change, Change::Subject(_))) {
            self.changes.insert(0, Change::Subject(next));
        }
        self
    }

    /// Also says that.
    #[must_use]
    pub fn event(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    /// Also records the answer to a request id.
    #[must_use]
    pub fn record(mut self, record: Option<Record>) -> Self {
        self.record = record;
        self
    }

    /// What a commit of the hot path changes. `None`: it is none.
    pub(super) fn hot(&self) -> Option<Hot<'_>> {
        match self.changes.as_slice() {
            [Change::Progress(device)] => Some(Hot { device, evidence: None }),
            [Change::Progress(device), Change::Evidence(evidence)] => {
                Some(Hot { device, evidence: Some(evidence) })
            }
            _ => None,
        }
    }
}
