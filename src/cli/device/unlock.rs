//! `countersign device unlock`.

use clap::Args;

use super::{Answer, Failure, Session, Which, show_changed};
use crate::wire::pb;
use crate::wire::pb::device_service_client::DeviceServiceClient;

#[derive(Debug, Args)]
#[command(after_help = "Clears the failures that were booked on the subject, too.\n\nExample:\n  \
                        countersign device unlock alice 5xqg3mtwzcvh2zlnoyvxq7j3ea")]
pub(super) struct Unlock {
    #[command(flatten)]
    which: Which,
}

impl Unlock {
    pub(super) async fn run(self, session: &mut Session<'_>) -> Result<Answer, Failure> {
        let request = pb::UnlockDeviceRequest {
            subject: self.which.subject,
            device_id: self.which.device,
            request_id: session.request_id(),
        };
        let answer = session
            .client
            .call(request, async |channel, request| {
                DeviceServiceClient::new(channel).unlock_device(request).await
            })
            .await?;
        show_changed(session, &answer, answer.device.as_ref())
    }
}
