//! `countersign device delete`.

use clap::Args;

use super::{Answer, Exchange, Failure, Which};
use crate::wire::pb;
use crate::wire::pb::device_service_client::DeviceServiceClient;

#[derive(Debug, Args)]
#[command(
    after_help = "Asks nothing, and cannot be undone. An operator's call: it needs the role admin.\n\nExample:\n  \
                        countersign device delete alice 5xqg3mtwzcvh2zlnoyvxq7j3ea"
)]
pub(super) struct Delete {
    #[command(flatten)]
    which: Which,
}

impl Delete {
    pub(super) async fn run(self, exchange: &mut Exchange<'_>) -> Result<Answer, Failure> {
        let request = pb::DeleteDeviceRequest {
            subject: self.which.subject,
            device_id: self.which.device.clone(),
            request_id: exchange.request_id(),
            ..Default::default()
        };
        let answer = exchange
            .client
            .call(request, async |channel, request| {
                DeviceServiceClient::new(channel).delete_device(request).await
            })
            .await?;
        exchange.show(&answer, |out| writeln!(out, "deleted {}", self.which.device))?;
        Ok(Answer::Yes)
    }
}
