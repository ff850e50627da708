//! A caller of one process. Each call is noted in the history, whatever becomes of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign::domain::moment::Moment;
use countersign::wire::pb;
use countersign::wire::pb::assurance_service_client::AssuranceServiceClient;
use countersign::wire::pb::device_service_client::DeviceServiceClient;
use countersign::wire::pb::verification_service_client::VerificationServiceClient;
use hyper_util::rt::TokioIo;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};
use tonic_types::StatusExt as _;

use crate::Failed;
use crate::history::{Answer, Asked, Code, History, Sort};

/// How long a caller waits.
const DEADLINE: Duration = Duration::from_secs(10);
/// Reasons of errors after which nobody knows what became of a call. Errors without a reason are so, too.
const IN_DOUBT: [&str; 3] = ["STORE_UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL"];

type Through = InterceptedService<Channel, Token>;
/// The stub of the second question.
pub type Assurance = AssuranceServiceClient<Through>;

/// Adds the token and the deadline to each request.
#[derive(Clone)]
pub struct Token {
    header: MetadataValue<Ascii>,
    deadline: Duration,
}

impl tonic::service::Interceptor for Token {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.header.clone());
        request.set_timeout(self.deadline);
        Ok(request)
    }
}

/// A caller.
#[derive(Clone)]
pub struct Client {
    process: usize,
    history: Arc<History>,
    devices: DeviceServiceClient<Through>,
    verification: VerificationServiceClient<Through>,
    assurance: AssuranceServiceClient<Through>,
}

impl Client {
    /// A caller of the process behind that socket.
    ///
    /// # Errors
    /// The token is none.
    pub fn new(process: usize, socket: PathBuf, token: &str, history: &Arc<History>) -> Result<Self, Failed> {
        let connector = tower::service_fn(move |_| {
            let socket = socket.clone();
            async move { tokio::net::UnixStream::connect(socket).await.map(TokioIo::new) }
        });
        let channel = Endpoint::from_static("http://localhost").connect_with_connector_lazy(connector);
        Self::over(process, channel, token, DEADLINE, history)
    }

    /// A caller of the process at that TCP address, over one connection, whose calls have that long.
    ///
    /// # Errors
    /// The token is none.
    pub fn at(
        process: usize,
        address: SocketAddr,
        token: &str,
        deadline: Duration,
        history: &Arc<History>,
    ) -> Result<Self, Failed> {
        let channel = Endpoint::from_shared(format!("http://{address}"))?.connect_lazy();
        Self::over(process, channel, token, deadline, history)
    }

    fn over(
        process: usize,
        channel: Channel,
        token: &str,
        deadline: Duration,
        history: &Arc<History>,
    ) -> Result<Self, Failed> {
        let token = Token { header: format!("Bearer {token}").parse()?, deadline };
        Ok(Self {
            process,
            history: history.clone(),
            devices: DeviceServiceClient::with_interceptor(channel.clone(), token.clone()),
            verification: VerificationServiceClient::with_interceptor(channel.clone(), token.clone()),
            assurance: AssuranceServiceClient::with_interceptor(channel, token),
        })
    }

    /// Enrolls a device. Gives what the server made: the device and its secrets.
    ///
    /// # Errors
    /// There is no device, or nobody knows.
    pub async fn enroll(
        &self,
        sort: Sort,
        id: &str,
        request: pb::EnrollDeviceRequest,
    ) -> Result<pb::EnrollDeviceResponse, Answer> {
        let request = pb::EnrollDeviceRequest { request_id: id.to_owned(), ..request };
        let read = |answer: &pb::EnrollDeviceResponse| {
            answer.device.as_ref().map(|device| Answer::Enrolled(device.id.as_str().into()))
        };
        self.noted(id, Asked::Enroll(sort), self.devices.clone().enroll_device(request), read).await
    }

    /// Confirms a device.
    pub async fn confirm(&self, place: &Place, code: Code, text: &str, id: &str) -> Answer {
        let request = pb::ConfirmDeviceRequest {
            subject: place.subject.to_string(),
            device_id: place.device.to_string(),
            proof: Some(proof(text)),
            request_id: id.to_owned(),
            ..Default::default()
        };
        let asked = Asked::Confirm(place.device.clone(), code);
        let read = |answer: &pb::ConfirmDeviceResponse| said(answer.verdict.as_ref(), answer.device.as_ref());
        let mut devices = self.devices.clone();
        let call = devices.confirm_device(request);
        told(self.noted(id, asked, call, |answer| Some(read(answer))).await.map(|answer| read(&answer)))
    }

    /// Offers a code of a device. An empty `id`: it may count each time.
    pub async fn verify(&self, place: &Place, code: Code, text: &str, id: &str) -> Answer {
        self.verify_in(place, code, text, id, None).await
    }

    /// The same in a context.
    pub async fn verify_in(
        &self,
        place: &Place,
        code: Code,
        text: &str,
        id: &str,
        context: Option<pb::Context>,
    ) -> Answer {
        let request = pb::VerifyRequest {
            subject: place.subject.to_string(),
            device_id: place.device.to_string(),
            proof: Some(proof(text)),
            request_id: id.to_owned(),
            context,
            ..Default::default()
        };
        let asked = Asked::Verify(place.device.clone(), code);
        let read = |answer: &pb::VerifyResponse| said(answer.verdict.as_ref(), answer.device.as_ref());
        let mut verification = self.verification.clone();
        let call = verification.verify(request);
        told(self.noted(id, asked, call, |answer| Some(read(answer))).await.map(|answer| read(&answer)))
    }

    /// Removes a device.
    pub async fn delete(&self, place: &Place, id: &str) -> Answer {
        let request = pb::DeleteDeviceRequest {
            subject: place.subject.to_string(),
            device_id: place.device.to_string(),
            request_id: id.to_owned(),
            ..Default::default()
        };
        let asked = Asked::Delete(place.device.clone());
        let mut devices = self.devices.clone();
        let call = devices.delete_device(request);
        told(self.noted(id, asked, call, |_| Some(Answer::Done)).await.map(|_| Answer::Done))
    }

    /// Calls something of the second question.
    ///
    /// # Errors
    /// What was answered instead.
    pub async fn assure<T, F: Future<Output = Result<Response<T>, Status>>>(
        &self,
        method: &'static str,
        id: &str,
        call: impl FnOnce(Assurance) -> F,
    ) -> Result<T, Answer> {
        self.noted(id, Asked::Other(method), call(self.assurance.clone()), |_| Some(Answer::Done)).await
    }

    /// Calls something else of devices.
    ///
    /// # Errors
    /// What was answered instead.
    pub async fn manage<T, F: Future<Output = Result<Response<T>, Status>>>(
        &self,
        method: &'static str,
        id: &str,
        call: impl FnOnce(DeviceServiceClient<Through>) -> F,
    ) -> Result<T, Answer> {
        self.noted(id, Asked::Other(method), call(self.devices.clone()), |_| Some(Answer::Done)).await
    }

    /// Reads a device. `None`: there is none.
    ///
    /// # Errors
    /// What was answered instead.
    pub async fn device(&self, place: &Place) -> Result<Option<pb::Device>, Answer> {
        let (subject, device_id) = (place.subject.to_string(), place.device.to_string());
        let request = pb::GetDeviceRequest { subject, device_id };
        let call =
            |mut devices: DeviceServiceClient<Through>| async move { devices.get_device(request).await };
        match self.manage("GetDevice", "", call).await {
            Ok(answer) => Ok(answer.device),
            Err(Answer::Refused(why)) if why == "DEVICE_NOT_FOUND" => Ok(None),
            Err(answer) => Err(answer),
        }
    }

    async fn noted<T>(
        &self,
        id: &str,
        asked: Asked,
        call: impl Future<Output = Result<Response<T>, Status>>,
        read: impl FnOnce(&T) -> Option<Answer>,
    ) -> Result<T, Answer> {
        let under_way = self.history.call(self.process, (!id.is_empty()).then_some(id), asked);
        let answered = match call.await {
            Ok(answer) => {
                let answer = answer.into_inner();
                let said = read(&answer).unwrap_or_else(|| Answer::Lost("an empty answer".to_owned()));
                (said, Ok(answer))
            }
            Err(status) => {
                let answer = failed(&status);
                (answer.clone(), Err(answer))
            }
        };
        under_way.answered(answered.0);
        answered.1
    }
}

/// A device, by its subject and id.
#[derive(Debug, Clone)]
pub struct Place {
    /// Whose it is.
    pub subject: Arc<str>,
    /// Its id.
    pub device: Arc<str>,
}

/// A code as a proof.
#[must_use]
pub fn proof(code: &str) -> pb::Proof {
    pb::Proof { proof: Some(pb::proof::Proof::Code(code.to_owned())) }
}

fn told(answer: Result<Answer, Answer>) -> Answer {
    answer.unwrap_or_else(|answer| answer)
}

fn said(verdict: Option<&pb::Verdict>, device: Option<&pb::Device>) -> Answer {
    let Some(verdict) = verdict else { return Answer::Lost("no verdict".to_owned()) };
    match (verdict.outcome(), verdict.reject_reason()) {
        (pb::Outcome::Accepted, _) => Answer::Accepted,
        (pb::Outcome::Rejected, pb::RejectReason::Malformed) => Answer::NotJudged("malformed"),
        (pb::Outcome::Rejected, _) => Answer::Rejected {
            failures: device.and_then(|device| device.throttle.as_ref()).map_or(0, |t| t.failure_count),
            retry_at: verdict.retry_time.as_ref().map(|at| {
                Moment::from_micros(at.seconds.saturating_mul(1_000_000) + i64::from(at.nanos / 1000))
            }),
        },
        (pb::Outcome::Throttled, _) => Answer::NotJudged("throttled"),
        (pb::Outcome::Unavailable, _) => Answer::NotJudged("unavailable"),
        (pb::Outcome::Unspecified, _) => Answer::Lost("no outcome".to_owned()),
    }
}

fn failed(status: &Status) -> Answer {
    let info = status.get_details_error_info().filter(|info| info.domain == "countersign");
    let Some(info) = info else { return Answer::Lost(format!("{:?}", status.code())) };
    let reason = info.reason.trim_start_matches("ERROR_REASON_").to_owned();
    if IN_DOUBT.contains(&reason.as_str()) { Answer::Lost(reason) } else { Answer::Refused(reason) }
}
