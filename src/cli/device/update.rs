//! `countersign device rename`, `suspend`, `resume` and `prefer`: what UpdateDevice does.

use clap::Args;

use super::{Answer, Exchange, Failure, Which, show_changed};
use crate::wire::convert::mask;
use crate::wire::pb;
use crate::wire::pb::device_service_client::DeviceServiceClient;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign device rename alice 5xqg3mtwzcvh2zlnoyvxq7j3ea 'old phone'")]
pub(super) struct Rename {
    #[command(flatten)]
    which: Which,
    /// The new name: up to 64 characters, unique among the subject's devices
    name: String,
}

#[derive(Debug, Args)]
#[command(
    after_help = "An operator's call: it needs the role admin.\n\nExample:\n  countersign device suspend alice 5xqg3mtwzcvh2zlnoyvxq7j3ea"
)]
pub(super) struct Suspend {
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Args)]
#[command(
    after_help = "An operator's call: it needs the role admin.\n\nExample:\n  countersign device resume alice 5xqg3mtwzcvh2zlnoyvxq7j3ea"
)]
pub(super) struct Resume {
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign device prefer alice 5xqg3mtwzcvh2zlnoyvxq7j3ea")]
pub(super) struct Prefer {
    #[command(flatten)]
    which: Which,
}

impl Rename {
    pub(super) async fn run(self, exchange: &mut Exchange<'_>) -> Result<Answer, Failure> {
        let change = pb::UpdateDeviceRequest { name: self.name, ..Default::default() };
        update(exchange, self.which, "name", change).await
    }
}

impl Suspend {
    pub(super) async fn run(self, exchange: &mut Exchange<'_>) -> Result<Answer, Failure> {
        let change = pb::UpdateDeviceRequest { suspended: true, ..Default::default() };
        update(exchange, self.which, "suspended", change).await
    }
}

impl Resume {
    pub(super) async fn run(self, exchange: &mut Exchange<'_>) -> Result<Answer, Failure> {
        update(exchange, self.which, "suspended", pb::UpdateDeviceRequest::default()).await
    }
}

impl Prefer {
    pub(super) async fn run(self, exchange: &mut Exchange<'_>) -> Result<Answer, Failure> {
        let change = pb::UpdateDeviceRequest { preferred: true, ..Default::default() };
        update(exchange, self.which, "preferred", change).await
    }
}

async fn update(
    exchange: &mut Exchange<'_>,
    which: Which,
    field: &str,
    change: pb::UpdateDeviceRequest,
) -> Result<Answer, Failure> {
    let request = pb::UpdateDeviceRequest {
        subject: which.subject,
        device_id: which.device,
        update_mask: Some(mask(&[field])),
        request_id: exchange.request_id(),
        ..change
    };
    let answer = exchange
        .client
        .call(request, async |channel, request| {
            DeviceServiceClient::new(channel).update_device(request).await
        })
        .await?;
    show_changed(exchange, &answer, answer.device.as_ref())
}
