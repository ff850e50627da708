//! `countersign device delete`.

use clap::Args;

use super::{Answer, Failure, Session, Which};
use crate::wire::pb;
use crate::wire::pb::device_service_client::DeviceServiceClient;

#[derive(Debug, Args)]
#[command(after_help = "Asks nothing, and cannot be undone.\n\nExample:\n  \
                        countersign device delete alice 5xqg3mtwzcvh2zlnoyvxq7j3ea")]
pub(super) struct Delete {
    #[command(flatten)]
    which: Which,
}

impl Delete {
    pub(super) async fn run(self, session: &mut Session<'_>) -> Result<Answer, Failure> {
        let request = pb::DeleteDeviceRequest {
            subject: self.which.subject,
            device_id: self.which.device.clone(),
            request_id: session.request_id(),
        };
        let answer = session
            .client
            .call(request, async |channel, request| {
                DeviceServiceClient::new(channel).delete_device(request).await
            })
            .await?;
        session.show(&answer, |out| writeln!(out, "deleted {}", self.which.device))?;
        Ok(Answer::Yes)
    }
}
