//! `countersign device unlock`.

use clap::Args;

use super::{Answer, Exchange, Failure, Which, show_changed};
use crate::wire::pb;
use crate::wire::pb::device_service_client::DeviceServiceClient;

#[derive(Debug, Args)]
#[command(
    after_help = "Clears the failures that were booked on the subject, too. A device that was used while the clock was\n\
                        ahead accepts codes again.\n\nExample:\n  \
                        countersign device unlock alice 5xqg3mtwzcvh2zlnoyvxq7j3ea"
)]
pub(super) struct Unlock {
    #[command(flatten)]
    which: Which,
}

impl Unlock {
    pub(super) async fn run(self, exchange: &mut Exchange<'_>) -> Result<Answer, Failure> {
        let request = pb::UnlockDeviceRequest {
            subject: self.which.subject,
            device_id: self.which.device,
            request_id: exchange.request_id(),
        };
        let answer = exchange
            .client
            .call(request, async |channel, request| {
                DeviceServiceClient::new(channel).unlock_device(request).await
            })
            .await?;
        show_changed(exchange, &answer, answer.device.as_ref())
    }
}
