//! `countersign device resync`.

use clap::Args;

use super::{Answer, Exchange, Failure, Which, print, show_tried};
use crate::cli::typed;
use crate::wire::pb;
use crate::wire::pb::device_service_client::DeviceServiceClient;

#[derive(Debug, Args)]
#[command(
    after_help = "Throttled, counted and used up like `verify` (RFC 4226, 7.4). Exit status 0 if the codes \
                        were accepted, 1 if not.\n\nExamples:\n  \
                        countersign device resync alice 5xqg3mtwzcvh2zlnoyvxq7j3ea 123456 234567\n  \
                        countersign device resync alice 5xqg3mtwzcvh2zlnoyvxq7j3ea - < codes.txt"
)]
pub(super) struct Resync {
    #[command(flatten)]
    which: Which,
    /// Two or three consecutive codes, in order; - reads them from a line of standard input
    #[arg(required = true, num_args = 1..=3, value_name = "CODE")]
    codes: Vec<String>,
}

impl Resync {
    pub(super) async fn run(self, exchange: &mut Exchange<'_>) -> Result<Answer, Failure> {
        let codes = typed::codes(&self.codes)?;
        let request = pb::ResyncDeviceRequest {
            subject: self.which.subject,
            device_id: self.which.device,
            codes,
            request_id: exchange.request_id(),
        };
        let answer = exchange
            .client
            .call(request, async |channel, request| {
                DeviceServiceClient::new(channel).resync_device(request).await
            })
            .await?;
        exchange.show(&answer, |out| show_tried(out, answer.verdict.as_ref(), answer.device.as_ref()))?;
        Ok(print::verdict(answer.verdict.as_ref()).1)
    }
}
