//! A caller, over the wire.

use std::path::PathBuf;

use countersign::domain::moment::Moment;
use countersign::wire::pb;
use countersign::wire::pb::device_service_client::DeviceServiceClient;
use countersign::wire::pb::subject_service_client::SubjectServiceClient;
use countersign::wire::pb::verification_service_client::VerificationServiceClient;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper_util::rt::TokioIo;
use tonic::metadata::MetadataValue;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

type Through = InterceptedService<Channel, Token>;

/// Adds the token to each request.
#[derive(Clone)]
pub(crate) struct Token(Option<MetadataValue<tonic::metadata::Ascii>>);

impl Token {
    /// The value of the header `authorization`.
    pub(super) fn header(&self) -> Option<&str> {
        self.0.as_ref().and_then(|token| token.to_str().ok())
    }
}

impl tonic::service::Interceptor for Token {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

/// A caller's stubs.
#[derive(Clone)]
pub(crate) struct Client {
    pub(super) channel: Channel,
    pub(super) token: Token,
    pub(crate) devices: DeviceServiceClient<Through>,
    pub(crate) subjects: SubjectServiceClient<Through>,
    pub(crate) verification: VerificationServiceClient<Through>,
}

impl Client {
    pub(crate) async fn tcp(address: &str, token: Option<&str>) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        Self::over(endpoint.connect().await.unwrap(), token)
    }

    pub(crate) async fn unix(path: PathBuf, token: Option<&str>) -> Self {
        let connector = tower::service_fn(move |_| {
            let path = path.clone();
            async move { tokio::net::UnixStream::connect(path).await.map(TokioIo::new) }
        });
        let endpoint = Endpoint::from_static("http://localhost");
        Self::over(endpoint.connect_with_connector(connector).await.unwrap(), token)
    }

    fn over(channel: Channel, token: Option<&str>) -> Self {
        let token = Token(token.map(|token| format!("Bearer {token}").parse().unwrap()));
        let limit = 64 << 20;
        Self {
            devices: DeviceServiceClient::with_interceptor(channel.clone(), token.clone())
                .max_encoding_message_size(limit),
            subjects: SubjectServiceClient::with_interceptor(channel.clone(), token.clone())
                .max_encoding_message_size(limit),
            verification: VerificationServiceClient::with_interceptor(channel.clone(), token.clone())
                .max_encoding_message_size(limit),
            channel,
            token,
        }
    }

    /// Enrolls a TOTP device with that secret; it is pending.
    pub(crate) async fn enroll_totp(&self, subject: &str, name: &str, secret: &[u8]) -> pb::Device {
        let setup = pb::TotpSetup { secret: secret.to_vec(), ..Default::default() };
        let request = pb::EnrollDeviceRequest {
            subject: subject.to_owned(),
            name: name.to_owned(),
            setup: Some(pb::enroll_device_request::Setup::Totp(setup)),
            ..Default::default()
        };
        self.devices.clone().enroll_device(request).await.unwrap().into_inner().device.unwrap()
    }

    /// Enrolls a TOTP device and confirms it with the code of that moment.
    pub(crate) async fn active_totp(&self, subject: &str, secret: &[u8], now: Moment) -> pb::Device {
        let device = self.enroll_totp(subject, "phone", secret).await;
        let confirmed = self.confirm(subject, &device.id, &code(secret, now, 0)).await.unwrap();
        assert_eq!(confirmed.verdict.unwrap().outcome(), pb::Outcome::Accepted);
        confirmed.device.unwrap()
    }

    pub(crate) async fn confirm(
        &self,
        subject: &str,
        device: &str,
        code: &str,
    ) -> Result<pb::ConfirmDeviceResponse, Status> {
        let request = pb::ConfirmDeviceRequest {
            subject: subject.to_owned(),
            device_id: device.to_owned(),
            proof: Some(proof(code)),
            ..Default::default()
        };
        Ok(self.devices.clone().confirm_device(request).await?.into_inner())
    }

    /// Offers a code, of that device or, with an empty id, of any.
    pub(crate) async fn verify(
        &self,
        subject: &str,
        device: &str,
        code: &str,
    ) -> Result<pb::VerifyResponse, Status> {
        self.verify_once(subject, device, code, "").await
    }

    /// Offers a code under a request id.
    pub(crate) async fn verify_once(
        &self,
        subject: &str,
        device: &str,
        code: &str,
        request_id: &str,
    ) -> Result<pb::VerifyResponse, Status> {
        let request = pb::VerifyRequest {
            subject: subject.to_owned(),
            device_id: device.to_owned(),
            proof: Some(proof(code)),
            request_id: request_id.to_owned(),
            ..Default::default()
        };
        Ok(self.verification.clone().verify(request).await?.into_inner())
    }
}

/// A code as a proof.
pub(crate) fn proof(code: &str) -> pb::Proof {
    pb::Proof { proof: Some(pb::proof::Proof::Code(code.to_owned())) }
}

/// The six-digit SHA-1 code of a secret at a moment, so many steps of 30 seconds later. Written anew from
/// RFC 6238: the tests do not take the server's word for it.
pub(crate) fn code(secret: &[u8], at: Moment, steps: i64) -> String {
    hotp(secret, u64::try_from(at.secs() / 30 + steps).unwrap())
}

/// The six-digit SHA-1 code of a secret and a counter (RFC 4226).
pub(crate) fn hotp(secret: &[u8], counter: u64) -> String {
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(secret).unwrap();
    mac.update(&counter.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash[19] & 15);
    let four: [u8; 4] = hash[offset..offset + 4].try_into().unwrap();
    format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
}
