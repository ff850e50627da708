//! Calls that many tests make, short.

use countersign::domain::moment::Moment;
use countersign::wire::pb;
use countersign::wire::pb::enroll_device_request::Setup;
use tonic::Status;

use super::answers::said;
use super::{Client, code, hotp};

/// What an enrollment of each kind asks for, with that secret where there is one.
pub(crate) fn totp_setup(secret: &[u8]) -> Setup {
    Setup::Totp(pb::TotpSetup { secret: secret.to_vec(), ..Default::default() })
}

/// An HOTP device that begins at that counter.
pub(crate) fn hotp_setup(secret: &[u8], counter: u64) -> Setup {
    Setup::Hotp(pb::HotpSetup { secret: secret.to_vec(), counter, ..Default::default() })
}

/// A list of so many recovery codes.
pub(crate) fn codes_setup(count: u32) -> Setup {
    Setup::RecoveryCodes(pb::RecoveryCodesSetup { count })
}

impl Client {
    /// Enrolls a device.
    pub(crate) async fn enroll(
        &self,
        subject: &str,
        name: &str,
        setup: Setup,
    ) -> Result<pb::EnrollDeviceResponse, Status> {
        let (subject, name) = (subject.to_owned(), name.to_owned());
        let request = pb::EnrollDeviceRequest { subject, name, setup: Some(setup), ..Default::default() };
        self.send("DeviceService/EnrollDevice", &request).await
    }

    /// Enrolls an HOTP device at counter 0 and confirms it with its first code.
    pub(crate) async fn active_hotp(&self, subject: &str, name: &str, secret: &[u8]) -> pb::Device {
        let pending = self.enroll(subject, name, hotp_setup(secret, 0)).await.unwrap().device.unwrap();
        let confirmed = self.confirm(subject, &pending.id, &hotp(secret, 0)).await.unwrap();
        assert_eq!(said(confirmed.verdict.as_ref()), "accepted");
        confirmed.device.unwrap()
    }

    /// Enrolls a TOTP device of that name and confirms it with the code of that moment.
    pub(crate) async fn active_totp_named(
        &self,
        subject: &str,
        name: &str,
        secret: &[u8],
        now: Moment,
    ) -> pb::Device {
        let pending = self.enroll_totp(subject, name, secret).await;
        let confirmed = self.confirm(subject, &pending.id, &code(secret, now, 0)).await.unwrap();
        assert_eq!(said(confirmed.verdict.as_ref()), "accepted");
        confirmed.device.unwrap()
    }

    /// Enrolls a list of recovery codes, and gives it with them.
    pub(crate) async fn list_of_codes(&self, subject: &str, count: u32) -> (pb::Device, Vec<String>) {
        let enrolled = self.enroll(subject, "", codes_setup(count)).await.unwrap();
        let Some(pb::enrollment::Material::RecoveryCodes(shown)) = enrolled.enrollment.unwrap().material
        else {
            panic!("an enrollment of recovery codes shows codes");
        };
        (enrolled.device.unwrap(), shown.codes)
    }

    /// What is said of a code.
    pub(crate) async fn says(&self, subject: &str, device: &str, code: &str) -> String {
        said(self.verify(subject, device, code).await.unwrap().verdict.as_ref())
    }

    /// Reads a device.
    pub(crate) async fn device(&self, subject: &str, device: &str) -> Result<pb::Device, Status> {
        let request = pb::GetDeviceRequest { subject: subject.to_owned(), device_id: device.to_owned() };
        let answer: pb::GetDeviceResponse = self.send("DeviceService/GetDevice", &request).await?;
        Ok(answer.device.unwrap())
    }

    /// The failures of a device, in a row.
    pub(crate) async fn failures(&self, subject: &str, device: &str) -> u32 {
        self.device(subject, device).await.unwrap().throttle.unwrap().failure_count
    }

    /// The state of a device.
    pub(crate) async fn state(&self, subject: &str, device: &str) -> pb::DeviceState {
        self.device(subject, device).await.unwrap().state()
    }

    /// Sums a subject up.
    pub(crate) async fn subject(&self, subject: &str) -> pb::GetSubjectResponse {
        let request = pb::GetSubjectRequest { subject: subject.to_owned() };
        self.subjects.clone().get_subject(request).await.unwrap().into_inner()
    }

    /// The names of the devices that a listing gives, in its order.
    pub(crate) async fn names(&self, request: &pb::ListDevicesRequest) -> Vec<String> {
        let answer: pb::ListDevicesResponse = self.send("DeviceService/ListDevices", request).await.unwrap();
        answer.devices.into_iter().map(|device| device.name).collect()
    }

    /// Changes a device: the fields that the mask names, as they are in `to`.
    pub(crate) async fn update(
        &self,
        device: &pb::Device,
        mask: &[&str],
        to: pb::UpdateDeviceRequest,
    ) -> Result<pb::Device, Status> {
        let paths = mask.iter().map(|path| (*path).to_owned()).collect();
        let request = pb::UpdateDeviceRequest {
            subject: device.subject.clone(),
            device_id: device.id.clone(),
            update_mask: Some(prost_types::FieldMask { paths }),
            ..to
        };
        let answer: pb::UpdateDeviceResponse = self.send("DeviceService/UpdateDevice", &request).await?;
        Ok(answer.device.unwrap())
    }

    /// Sets a device aside, or resumes it.
    pub(crate) async fn suspend(&self, device: &pb::Device, suspended: bool) -> pb::Device {
        let to = pb::UpdateDeviceRequest { suspended, ..Default::default() };
        self.update(device, &["suspended"], to).await.unwrap()
    }

    /// Removes a device.
    pub(crate) async fn delete(&self, device: &pb::Device) -> Result<pb::DeleteDeviceResponse, Status> {
        let request = pb::DeleteDeviceRequest {
            subject: device.subject.clone(),
            device_id: device.id.clone(),
            ..Default::default()
        };
        self.send("DeviceService/DeleteDevice", &request).await
    }

    /// Clears a device's failures.
    pub(crate) async fn unlock(&self, device: &pb::Device) -> Result<pb::Device, Status> {
        let request = pb::UnlockDeviceRequest {
            subject: device.subject.clone(),
            device_id: device.id.clone(),
            ..Default::default()
        };
        let answer: pb::UnlockDeviceResponse = self.send("DeviceService/UnlockDevice", &request).await?;
        Ok(answer.device.unwrap())
    }

    /// Offers consecutive codes.
    pub(crate) async fn resync(
        &self,
        device: &pb::Device,
        codes: &[String],
    ) -> Result<pb::ResyncDeviceResponse, Status> {
        let request = pb::ResyncDeviceRequest {
            subject: device.subject.clone(),
            device_id: device.id.clone(),
            codes: codes.to_vec(),
            ..Default::default()
        };
        self.send("DeviceService/ResyncDevice", &request).await
    }

    /// Makes recovery codes.
    pub(crate) async fn issue(
        &self,
        request: pb::IssueRecoveryCodesRequest,
    ) -> Result<(pb::Device, Vec<String>), Status> {
        let answer: pb::IssueRecoveryCodesResponse =
            self.send("DeviceService/IssueRecoveryCodes", &request).await?;
        Ok((answer.device.unwrap(), answer.recovery_codes.unwrap().codes))
    }
}
