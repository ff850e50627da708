//! Making recovery codes: a new list, new codes in a list, or one that an operator chose.

use futures_util::FutureExt as _;

use super::enroll::NewDevice;
use super::guard::{Guarded, wanted};
use super::secret::codes_of;
use super::unit::{Once, Reply, Step};
use super::{Service, opening};
use crate::auth::{Caller, Grant, Role, rpc};
use crate::domain::context::Context;
use crate::domain::device::{Device, SubjectState};
use crate::domain::event::{Event, What};
use crate::domain::ids::{DeviceId, Subject};
use crate::domain::moment::Moment;
use crate::domain::refusal::Refusal;
use crate::domain::secret::{Secret, SecretText};
use crate::domain::violation::Violations;
use crate::error::Error;
use crate::kinds::recovery_codes::{self, RecoveryCodes, State, add_chosen, issue};
use crate::kinds::{self, Making};
use crate::store::{Change, Commit, Factor, Revoked, Standing};

/// What codes to make.
#[derive(Debug, Clone)]
pub struct Issue {
    /// For whom.
    pub subject: Subject,
    /// In which list. `None`: the subject's only one, made if there is none.
    pub device: Option<DeviceId>,
    /// What.
    pub order: Order,
    /// Where. `None`: it is an operator's call.
    pub context: Option<Context>,
}

/// New codes, or one that was chosen.
#[derive(Debug, Clone)]
pub enum Order {
    /// New ones.
    Made {
        /// How many. `None`: as many as the tenant's default.
        count: Option<u32>,
        /// Keep the unused ones.
        keep_existing: bool,
    },
    /// One that an operator chose, added to the others.
    Chosen(SecretText),
}

impl Order {
    /// True if the codes that the list holds are no longer valid.
    fn replaces(&self) -> bool {
        matches!(self, Self::Made { keep_existing: false, .. })
    }
}

/// New codes.
#[derive(Debug)]
pub struct Issued {
    /// The list.
    pub device: Device,
    /// The codes, shown once.
    pub codes: Vec<SecretText>,
}

impl Service {
    /// Makes recovery codes. A set is replaced whole or not at all.
    ///
    /// # Errors
    /// The list is not there, is not one of recovery codes, or would hold too many; a chosen code needs the
    /// role `admin`; the database does not answer.
    pub async fn issue_recovery_codes(
        &self,
        grant: &Grant<rpc::IssueRecoveryCodes>,
        request: &Issue,
        once: Option<Once<Issued>>,
    ) -> Result<Reply<Issued>, Error> {
        if matches!(request.order, Order::Chosen(_)) {
            grant.also(Role::Admin)?;
        }
        let caller = grant.caller();
        self.unit(caller, &request.subject, once, move |_| {
            async move {
                let now = self.clock.now();
                let context = request.context.as_ref();
                let wanted = wanted(context, now);
                let standing = self.standing_of(&caller.tenant, &request.subject, wanted).await?;
                let list = list(&standing.devices, request, now)?;
                let guarded = if list.is_some() { Guarded::Recover } else { Guarded::EnrollCodes };
                let consequences = self.guard(caller, guarded, context, &standing, now).await?;
                let about = |what| Event::about(&caller.tenant, &request.subject, what, &caller.name, now);
                let state = &standing.state;
                let id = list.map(|device| &device.id);
                let held = self.newly_held(caller, request, &standing.devices, id).await?;
                let hold = |commit: Commit, device: &Device| match held {
                    Some(code) => commit.change(Change::Hold(Box::new(device.clone()), code)),
                    None => commit,
                };
                let Some(device) = list else {
                    let (commit, issued) = self.new_list(caller, request, &standing, now)?;
                    let commit = hold(commit, &issued.device);
                    let commit = consequences.added_to(commit, &about, &standing, now);
                    return Ok(Step::Commit(commit, issued));
                };
                let before = codes_of(device)?;
                let (after, codes) = self.fill(caller, request, &device.id, Some(before), now)?;
                let next = Device { detail: kinds::stored::<RecoveryCodes>(after)?, ..device.successor() };
                let opening = opening::kept(state, context);
                let commit = Commit::new(issued(device, caller, codes.len(), now))
                    .change(Change::Subject(SubjectState { opening, ..state.successor() }))
                    .change(Change::Rewrite(Box::new(next.clone())));
                let mut commit = consequences.added_to(hold(commit, &next), &about, &standing, now);
                if request.order.replaces() {
                    // Somebody may have proved with a code that is replaced because it was stolen.
                    commit = commit.change(Change::Revoke(Revoked::Device(device.id.clone()), now));
                }
                Ok(Step::Commit(commit, Issued { device: next, codes }))
            }
            .boxed()
        })
        .await
    }

    /// The chosen code, if the list does not hold it yet.
    ///
    /// # Errors
    /// As [`Self::is_new_code`].
    async fn newly_held(
        &self,
        caller: &Caller,
        request: &Issue,
        devices: &[Device],
        list: Option<&DeviceId>,
    ) -> Result<Option<Factor>, Error> {
        let Order::Chosen(code) = &request.order else { return Ok(None) };
        let is_new = self.is_new_code(caller, &request.subject, code, devices, list).await?;
        Ok(is_new.then(|| Factor::Code(code.clone())))
    }

    /// A list for a subject that has none.
    fn new_list(
        &self,
        caller: &Caller,
        request: &Issue,
        standing: &Standing,
        now: Moment,
    ) -> Result<(Commit, Issued), Error> {
        let id = self.new_id();
        let (state, codes) = self.fill(caller, request, &id, None, now)?;
        let detail = kinds::stored::<RecoveryCodes>(state)?;
        let kind = recovery_codes::KIND;
        let (name, replaced) = self.named(caller, &kind, None, &standing.devices, now)?;
        let (context, secret) = (request.context.as_ref(), Secret::new(Vec::new()));
        let new = NewDevice { context, id, kind, name, replaced, detail, secret };
        let (commit, device) = self.adopt(caller, &request.subject, standing, &new, now)?;
        let commit = commit.event(issued(&device, caller, codes.len(), now));
        Ok((commit, Issued { device, codes }))
    }

    /// The list with the new codes in it.
    fn fill(
        &self,
        caller: &Caller,
        request: &Issue,
        id: &DeviceId,
        before: Option<&State>,
        now: Moment,
    ) -> Result<(State, Vec<SecretText>), Error> {
        let policy = self.policy(caller);
        let cx = Making {
            device: id,
            subject: &request.subject,
            policy,
            keyring: self.store.keyring(),
            entropy: &*self.entropy,
            now,
        };
        let (field, made) = match &request.order {
            Order::Made { count, keep_existing } => {
                let count = count.unwrap_or_else(|| policy.kinds.number(&recovery_codes::COUNT));
                ("count", issue(before, count, *keep_existing, &cx))
            }
            Order::Chosen(code) => {
                ("code", add_chosen(before, code, &cx).map(|state| (state, vec![code.clone()])))
            }
        };
        made.map_err(|full| Violations::one(field, full.to_string()).into())
    }
}

/// The list that is meant: the one that is named, or the subject's only one.
fn list<'d>(devices: &'d [Device], request: &Issue, now: Moment) -> Result<Option<&'d Device>, Error> {
    let there = || devices.iter().filter(|device| !device.is_expired(now));
    if let Some(id) = &request.device {
        let device = there().find(|device| device.id == *id).ok_or(Refusal::DeviceNotFound)?;
        if device.kind != recovery_codes::KIND {
            return Err(Refusal::DeviceKind { kind: device.kind.clone() }.into());
        }
        return Ok(Some(device));
    }
    let lists: Vec<&Device> = there().filter(|device| device.kind == recovery_codes::KIND).collect();
    match lists.as_slice() {
        [] => Ok(None),
        [list] => Ok(Some(list)),
        several => {
            let problem = format!("must name one of the subject's {} lists", several.len());
            Err(Violations::one("device_id", problem).into())
        }
    }
}

fn issued(device: &Device, caller: &Caller, count: usize, now: Moment) -> Event {
    Event::of(device, What::CodesIssued, &caller.name, now).with("count", count)
}
