//! `DeviceService`.

use tonic::{Request, Response, Status};

use super::{Received, Rpc, answer, message, once, parse, received, to_the_end, view};
use crate::auth::{self, rpc};
use crate::domain::device::{Device, State};
use crate::domain::violation::{Problem, Violations};
use crate::kinds;
use crate::service::{
    Attempt, DeviceUpdate, Enrolled, Enrollment, Issue, Issued, Listing, Order, Question, Removal,
    ResyncAttempt, Tried,
};
use crate::wire::convert::kind_of;
use crate::wire::pb;
use crate::wire::pb::device_service_server::DeviceService;

/// States and kinds of a listing at most. More than there are: a caller may be newer than the server.
const FILTER_MAX: usize = 32;
/// Paths of a mask at most. More than there are fields: a path may come twice.
const PATHS_MAX: usize = 16;

#[tonic::async_trait]
impl DeviceService for Rpc {
    async fn enroll_device(
        &self,
        request: Request<pb::EnrollDeviceRequest>,
    ) -> Result<Response<pb::EnrollDeviceResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::EnrollDevice>(&caller)?;
            let shows = self.view(&caller);
            let write = move |enrolled: &Enrolled| {
                Ok(pb::EnrollDeviceResponse {
                    device: Some(shows.device(&enrolled.device)?),
                    enrollment: Some(kinds::wire::shown(&enrolled.shown)?),
                })
            };
            let mut violations = Violations::default();
            let once = once("EnrollDevice", &asked.request_id, &asked, &mut violations, &write);
            let subject = parse::subject(&mut violations, &asked.subject);
            let name = parse::name_or_none(&mut violations, &asked.name);
            let context = parse::context(&mut violations, asked.context);
            let setup = kinds::wire::setup(asked.setup, &mut violations);
            let enrollment = subject.zip(setup);
            let enrollment = enrollment.map(|(subject, setup)| Enrollment { subject, name, setup, context });
            let enrollment = parse::checked(violations, enrollment)?;
            message(&self.service.enroll(&grant, enrollment, once).await?, &write)
        }
        .await;
        answer(answered, &name)
    }

    async fn confirm_device(
        &self,
        request: Request<pb::ConfirmDeviceRequest>,
    ) -> Result<Response<pb::ConfirmDeviceResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::ConfirmDevice>(&caller)?;
            let shows = self.view(&caller);
            let write = move |tried: &Tried| {
                Ok(pb::ConfirmDeviceResponse {
                    verdict: Some(view::verdict(tried.verdict)),
                    device: tried.device.as_ref().map(|device| shows.device(device)).transpose()?,
                    evidence: view::proved(tried),
                })
            };
            let mut violations = Violations::default();
            let once = once("ConfirmDevice", &asked.request_id, &asked, &mut violations, &write);
            let subject = parse::subject(&mut violations, &asked.subject);
            let id = parse::device_id(&mut violations, &asked.device_id);
            let offered = parse::proof(&mut violations, asked.proof);
            let (context, reach) = parse::place(&mut violations, asked.context, asked.scope);
            let parsed = subject.zip(offered).zip(id);
            let ((subject, offered), id) = parse::checked(violations, parsed)?;
            let question = Question::default();
            let attempt = Attempt { subject, device: Some(id.clone()), offered, context, reach, question };
            let service = self.service.clone();
            to_the_end(async move { message(&service.confirm(&grant, &attempt, &id, once).await?, &write) })
                .await
        }
        .await;
        answer(answered, &name)
    }

    async fn get_device(
        &self,
        request: Request<pb::GetDeviceRequest>,
    ) -> Result<Response<pb::GetDeviceResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::GetDevice>(&caller)?;
            let mut violations = Violations::default();
            let subject = parse::subject(&mut violations, &asked.subject);
            let id = parse::device_id(&mut violations, &asked.device_id);
            let (subject, id) = parse::checked(violations, subject.zip(id))?;
            let device = self.service.device(&grant, &subject, &id).await?;
            Ok(pb::GetDeviceResponse { device: Some(self.view(&caller).device(&device)?) })
        }
        .await;
        answer(answered, &name)
    }

    async fn list_devices(
        &self,
        request: Request<pb::ListDevicesRequest>,
    ) -> Result<Response<pb::ListDevicesResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::ListDevices>(&caller)?;
            let mut violations = Violations::default();
            let subject = parse::subject(&mut violations, &asked.subject);
            let is_any_state = asked.states.is_empty();
            let mut states =
                parse::all(&mut violations, ("states", FILTER_MAX), asked.states, view::state_of);
            if is_any_state {
                states.push(State::Active);
            }
            let kinds = parse::all(&mut violations, ("kinds", FILTER_MAX), asked.kinds, kind_of);
            let size = parse::page_size(&mut violations, asked.page_size, 50, 200);
            let listing = subject.map(|subject| Listing { subject, states, kinds });
            let (listing, size) = parse::checked(violations, listing.zip(size))?;
            let devices = self.service.devices(&grant, &listing).await?;
            let id = |device: &Device| device.id.to_string();
            let shows = self.view(&caller);
            let write = |device: &Device| shows.device(device);
            let (devices, next_page_token) = parse::page(&devices, size, &asked.page_token, id, write)?;
            Ok(pb::ListDevicesResponse { devices, next_page_token })
        }
        .await;
        answer(answered, &name)
    }

    async fn update_device(
        &self,
        request: Request<pb::UpdateDeviceRequest>,
    ) -> Result<Response<pb::UpdateDeviceResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::UpdateDevice>(&caller)?;
            let shows = self.view(&caller);
            let write =
                move |device: &Device| Ok(pb::UpdateDeviceResponse { device: Some(shows.device(device)?) });
            let mut violations = Violations::default();
            let once = once("UpdateDevice", &asked.request_id, &asked, &mut violations, &write);
            let update = device_update(asked, &mut violations);
            let update = parse::checked(violations, update)?;
            message(&self.service.update(&grant, &update, once).await?, &write)
        }
        .await;
        answer(answered, &name)
    }

    async fn delete_device(
        &self,
        request: Request<pb::DeleteDeviceRequest>,
    ) -> Result<Response<pb::DeleteDeviceResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::DeleteDevice>(&caller)?;
            let write = |(): &()| Ok(pb::DeleteDeviceResponse {});
            let mut violations = Violations::default();
            let once = once("DeleteDevice", &asked.request_id, &asked, &mut violations, &write);
            let subject = parse::subject(&mut violations, &asked.subject);
            let id = parse::device_id(&mut violations, &asked.device_id);
            let context = parse::context(&mut violations, asked.context);
            let (subject, device) = parse::checked(violations, subject.zip(id))?;
            let removal = Removal { subject, device, context };
            message(&self.service.delete(&grant, &removal, once).await?, &write)
        }
        .await;
        answer(answered, &name)
    }

    async fn resync_device(
        &self,
        request: Request<pb::ResyncDeviceRequest>,
    ) -> Result<Response<pb::ResyncDeviceResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::ResyncDevice>(&caller)?;
            let shows = self.view(&caller);
            let write = move |tried: &Tried| {
                Ok(pb::ResyncDeviceResponse {
                    verdict: Some(view::verdict(tried.verdict)),
                    device: tried.device.as_ref().map(|device| shows.device(device)).transpose()?,
                })
            };
            let mut violations = Violations::default();
            let once = once("ResyncDevice", &asked.request_id, &asked, &mut violations, &write);
            let subject = parse::subject(&mut violations, &asked.subject);
            let device = parse::device_id(&mut violations, &asked.device_id);
            let codes = kinds::wire::consecutive(asked.codes, &mut violations);
            let parsed = subject.zip(device).zip(codes);
            let ((subject, device), codes) = parse::checked(violations, parsed)?;
            let attempt = ResyncAttempt { subject, device, codes };
            let service = self.service.clone();
            to_the_end(async move { message(&service.resync(&grant, &attempt, once).await?, &write) }).await
        }
        .await;
        answer(answered, &name)
    }

    async fn unlock_device(
        &self,
        request: Request<pb::UnlockDeviceRequest>,
    ) -> Result<Response<pb::UnlockDeviceResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::UnlockDevice>(&caller)?;
            let shows = self.view(&caller);
            let write =
                move |device: &Device| Ok(pb::UnlockDeviceResponse { device: Some(shows.device(device)?) });
            let mut violations = Violations::default();
            let once = once("UnlockDevice", &asked.request_id, &asked, &mut violations, &write);
            let subject = parse::subject(&mut violations, &asked.subject);
            let id = parse::device_id(&mut violations, &asked.device_id);
            let (subject, id) = parse::checked(violations, subject.zip(id))?;
            message(&self.service.unlock(&grant, &subject, &id, once).await?, &write)
        }
        .await;
        answer(answered, &name)
    }

    async fn issue_recovery_codes(
        &self,
        request: Request<pb::IssueRecoveryCodesRequest>,
    ) -> Result<Response<pb::IssueRecoveryCodesResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::IssueRecoveryCodes>(&caller)?;
            let shows = self.view(&caller);
            let write = move |issued: &Issued| {
                Ok(pb::IssueRecoveryCodesResponse {
                    device: Some(shows.device(&issued.device)?),
                    recovery_codes: Some(kinds::recovery_codes::wire::shown(&issued.codes)),
                })
            };
            let mut violations = Violations::default();
            let once = once("IssueRecoveryCodes", &asked.request_id, &asked, &mut violations, &write);
            let subject = parse::subject(&mut violations, &asked.subject);
            let device = parse::device_id_or_none(&mut violations, &asked.device_id);
            let order = order(asked.count, asked.keep_existing, asked.code, &mut violations);
            let context = parse::context(&mut violations, asked.context);
            let issue = subject.zip(order);
            let issue = issue.map(|(subject, order)| Issue { subject, device, order, context });
            let issue = parse::checked(violations, issue)?;
            message(&self.service.issue_recovery_codes(&grant, &issue, once).await?, &write)
        }
        .await;
        answer(answered, &name)
    }
}

/// What is to be changed, as the mask says.
fn device_update(asked: pb::UpdateDeviceRequest, violations: &mut Violations) -> Option<DeviceUpdate> {
    let subject = parse::subject(violations, &asked.subject);
    let device = parse::device_id(violations, &asked.device_id);
    let paths = asked.update_mask.as_ref().map_or(&[][..], |mask| &mask.paths);
    if paths.is_empty() {
        violations.push("update_mask", Problem::new("must name a field to set: name, preferred, suspended"));
    }
    let known = ["name", "preferred", "suspended"];
    let is_bounded = violations.at_most("update_mask", PATHS_MAX, paths.len());
    let paths = if is_bounded { paths } else { &[] };
    if paths.iter().any(|path| !known.contains(&path.as_str())) {
        violations.push("update_mask", Problem::new("may name only name, preferred and suspended"));
    }
    let set = |field: &str| paths.iter().any(|path| path == field);
    let name = if set("name") {
        violations.take("name", crate::domain::ids::DeviceName::parse(&asked.name))
    } else {
        None
    };
    let version = match asked.etag.as_str() {
        "" => None,
        etag => {
            let version = view::version(etag).ok_or(Problem::new("is not an etag that this server gave"));
            violations.take("etag", version)
        }
    };
    let suspended = set("suspended").then_some(asked.suspended);
    let preferred = set("preferred").then_some(asked.preferred);
    let context = parse::context(violations, asked.context);
    Some(DeviceUpdate { subject: subject?, device: device?, name, preferred, suspended, version, context })
}

/// What codes to make: one that was chosen, or a number of new ones.
fn order(count: u32, keep_existing: bool, chosen: String, violations: &mut Violations) -> Option<Order> {
    if !chosen.is_empty() {
        if count != 0 {
            violations.push("count", Problem::new("must be left out with a chosen code"));
        }
        return violations.take("code", kinds::recovery_codes::code::chosen(chosen)).map(Order::Chosen);
    }
    let count = violations.take("count", kinds::recovery_codes::wire::count(count))?;
    Some(Order::Made { count, keep_existing })
}
