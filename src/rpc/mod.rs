//! The services as gRPC: thin. Each method asks for a grant, parses every field and notes all that is
//! wrong, calls the service, and writes the answer. No rules, no SQL.
//!
//! What comes before a method is in [`layer`]: request id, trace, limits, caller, authorization, deadline.

pub mod health;
pub mod layer;

mod assurance;
mod device;
mod kept;
mod parse;
mod subject;
mod verification;
mod view;

use std::sync::Arc;

use prost::Message;
use tonic::{Request, Response, Status};

use self::layer::{RequestName, to_the_end};
use crate::auth::Caller;
use crate::domain::moment::Moment;
use crate::domain::policy::Policy;
use crate::domain::refusal::Refusal;
use crate::domain::secret::Secret;
use crate::domain::violation::Violations;
use crate::error::{Error, Fault};
use crate::service::{Once, Reply, Service};
use crate::wire::pb::assurance_service_server::AssuranceServiceServer;
use crate::wire::pb::device_service_server::DeviceServiceServer;
use crate::wire::pb::subject_service_server::SubjectServiceServer;
use crate::wire::pb::verification_service_server::VerificationServiceServer;
use crate::wire::{pb, status};

/// The services, on any transport.
#[derive(Clone)]
pub struct Rpc {
    service: Arc<Service>,
}

impl Rpc {
    /// Serves these use cases.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Self { service }
    }

    /// Every service as routes. The layer bounds what they read.
    #[must_use]
    pub fn routes(&self) -> tonic::service::Routes {
        let mut routes = tonic::service::RoutesBuilder::default();
        routes
            .add_service(AssuranceServiceServer::new(self.clone()))
            .add_service(DeviceServiceServer::new(self.clone()))
            .add_service(SubjectServiceServer::new(self.clone()))
            .add_service(VerificationServiceServer::new(self.clone()));
        routes.routes()
    }

    /// What an answer needs to be written.
    fn view(&self, caller: &Caller) -> View {
        View { service: self.service.clone(), caller: caller.tenant.clone() }
    }
}

/// What an answer needs to be written: the tenant's settings, and what time it is.
#[derive(Clone)]
struct View {
    service: Arc<Service>,
    caller: crate::domain::ids::Tenant,
}

impl View {
    fn policy(&self) -> &Policy {
        self.service.policies().of(&self.caller)
    }

    fn now(&self) -> Moment {
        self.service.clock().now()
    }

    fn device(&self, device: &crate::domain::device::Device) -> Result<crate::wire::pb::Device, Error> {
        view::device(device, self.policy(), self.now())
    }
}

/// A request that came through the layer.
struct Received<M> {
    caller: Arc<Caller>,
    asked: M,
    name: Arc<str>,
}

/// Takes the caller and the message from a request.
fn received<M>(request: Request<M>) -> Result<Received<M>, Status> {
    let name = request.extensions().get::<RequestName>().map_or_else(|| "".into(), |name| name.0.clone());
    // The layer puts the caller there; a request without one has not come through the layer.
    let Some(caller) = request.extensions().get::<Arc<Caller>>().cloned() else {
        return Err(status::refused(&Refusal::CallerUnknown));
    };
    Ok(Received { caller, asked: request.into_inner(), name })
}

/// Sends an answer, or what went wrong as a status.
fn answer<R>(answered: Result<R, Error>, name: &str) -> Result<Response<R>, Status> {
    answered.map(Response::new).map_err(|error| status::of(error, name))
}

/// An answer as a message, for [`Once`] and for the caller.
trait Write<T>: Fn(&T) -> Result<Self::Message, Error> + Clone + Send + Sync + 'static {
    type Message: Message + Default;
}

impl<T, M: Message + Default, F: Fn(&T) -> Result<M, Error> + Clone + Send + Sync + 'static> Write<T> for F {
    type Message = M;
}

/// The request id of a message, if it has one: what was asked is the method and the whole message.
fn once<T, W: Write<T>>(
    method: &str,
    request_id: &str,
    message: &(impl Message + Named),
    violations: &mut Violations,
    write: &W,
) -> Option<Once<T>> {
    if request_id.is_empty() {
        return None;
    }
    let id = violations.take("request_id", crate::domain::ids::RequestId::parse(request_id))?;
    let mut asked = method.as_bytes().to_vec();
    asked.push(0);
    // Upper and lower case are the same id, and so the same request.
    if request_id.bytes().any(|byte| byte.is_ascii_uppercase()) {
        message.renamed(request_id.to_ascii_lowercase()).encode(&mut asked).ok()?;
    } else {
        message.encode(&mut asked).ok()?;
    }
    let write = write.clone();
    Some(Once {
        id,
        asked: Secret::new(asked),
        encode: Box::new(move |answer| Ok(Secret::new(write(answer)?.encode_to_vec()))),
    })
}

/// A message with a `request_id`.
trait Named: Sized {
    /// The same message with another `request_id`.
    fn renamed(&self, request_id: String) -> Self;
}

macro_rules! named {
    ($($message:ident),* $(,)?) => {$(
        impl Named for pb::$message {
            fn renamed(&self, request_id: String) -> Self {
                Self { request_id, ..self.clone() }
            }
        }
    )*};
}
named!(
    ConfirmDeviceRequest,
    DeleteDeviceRequest,
    EnrollDeviceRequest,
    EvaluateRequest,
    ForgetClientsRequest,
    IssueRecoveryCodesRequest,
    RecordEvidenceRequest,
    RememberClientRequest,
    ResyncDeviceRequest,
    RevokeEvidenceRequest,
    UnlockDeviceRequest,
    UnlockSubjectRequest,
    UpdateDeviceRequest,
    VerifyRequest,
);

/// The message of a reply. Where it is written down for retries, it is that, byte for byte.
fn message<T, W: Write<T>>(reply: &Reply<T>, write: &W) -> Result<W::Message, Error> {
    match reply {
        Reply::Fresh(answer, None) => write(answer),
        Reply::Fresh(_, Some(written)) | Reply::Again(written) => W::Message::decode(written.expose())
            .map_err(|e| Fault::internal("reading an answer that was kept", e).into()),
    }
}
