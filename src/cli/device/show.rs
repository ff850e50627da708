//! `countersign device show`.

use clap::Args;

use super::{Answer, Exchange, Failure, Which, show_changed};
use crate::wire::pb;
use crate::wire::pb::device_service_client::DeviceServiceClient;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign device show alice 5xqg3mtwzcvh2zlnoyvxq7j3ea")]
pub(super) struct Show {
    #[command(flatten)]
    which: Which,
}

impl Show {
    pub(super) async fn run(self, exchange: &mut Exchange<'_>) -> Result<Answer, Failure> {
        let request = pb::GetDeviceRequest { subject: self.which.subject, device_id: self.which.device };
        let answer = exchange
            .client
            .call(request, async |channel, request| {
                DeviceServiceClient::new(channel).get_device(request).await
            })
            .await?;
        show_changed(exchange, &answer, answer.device.as_ref())
    }
}
