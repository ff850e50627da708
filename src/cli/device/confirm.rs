//! `countersign device confirm`.

use clap::Args;

use super::{Answer, Exchange, Failure, Which, print, show_tried};
use crate::cli::typed;
use crate::wire::pb;
use crate::wire::pb::device_service_client::DeviceServiceClient;

#[derive(Debug, Args)]
#[command(
    after_help = "The code is used up: it does not verify afterwards. Exit status 0 if it was accepted, \
                        1 if it was not. An operator's call: it needs the role admin.\n\nExamples:\n  \
                        countersign device confirm alice 5xqg3mtwzcvh2zlnoyvxq7j3ea 123456\n  \
                        countersign device confirm alice 5xqg3mtwzcvh2zlnoyvxq7j3ea - < code.txt"
)]
pub(super) struct Confirm {
    #[command(flatten)]
    which: Which,
    /// A code that the device shows; - reads it from standard input
    code: String,
}

impl Confirm {
    pub(super) async fn run(self, exchange: &mut Exchange<'_>) -> Result<Answer, Failure> {
        let code = typed::code(&self.code)?;
        let request = pb::ConfirmDeviceRequest {
            subject: self.which.subject,
            device_id: self.which.device,
            proof: Some(pb::Proof { proof: Some(pb::proof::Proof::Code(code)) }),
            request_id: exchange.request_id(),
            ..Default::default()
        };
        let answer = exchange
            .client
            .call(request, async |channel, request| {
                DeviceServiceClient::new(channel).confirm_device(request).await
            })
            .await?;
        exchange.show(&answer, |out| show_tried(out, answer.verdict.as_ref(), answer.device.as_ref()))?;
        Ok(print::verdict(answer.verdict.as_ref()).1)
    }
}
