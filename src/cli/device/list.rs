//! `countersign device list`.

use clap::Args;

use super::{Answer, Exchange, Failure, print};
use crate::cli::typed;
use crate::domain::kind::Kind;
use crate::wire::convert;
use crate::wire::pb;
use crate::wire::pb::device_service_client::DeviceServiceClient;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  countersign device list alice\n  \
                        countersign device list alice --all-states --kind totp --json")]
pub(super) struct List {
    /// The user
    subject: String,
    /// Pending, suspended and locked devices too
    #[arg(long)]
    all_states: bool,
    /// Only of this kind. May be repeated
    #[arg(long, value_name = "KIND", value_parser = typed::kind())]
    kind: Vec<Kind>,
}

/// Devices in a page of the listing.
const PAGE: i32 = 200;

impl List {
    pub(super) async fn run(self, exchange: &mut Exchange<'_>) -> Result<Answer, Failure> {
        let states = if self.all_states {
            use pb::DeviceState::{Active, Locked, Pending, Suspended};
            [Active, Pending, Suspended, Locked].map(i32::from).into()
        } else {
            Vec::new()
        };
        let kinds = self.kind.iter().map(|kind| convert::kind(kind).into()).collect();
        let mut request = pb::ListDevicesRequest {
            subject: self.subject,
            states,
            kinds,
            page_size: PAGE,
            page_token: String::new(),
        };
        let mut all = pb::ListDevicesResponse::default();
        loop {
            let page = exchange
                .client
                .call(request.clone(), async |channel, request| {
                    DeviceServiceClient::new(channel).list_devices(request).await
                })
                .await?;
            all.devices.extend(page.devices);
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        exchange.show(&all, |out| {
            if all.devices.is_empty() {
                let hint = if self.all_states { "" } else { " in use (--all-states shows the others)" };
                return writeln!(out, "no devices{hint}");
            }
            let rows: Vec<_> = all.devices.iter().map(print::row).collect();
            print::table(out, print::HEADING, &rows)
        })?;
        Ok(Answer::Yes)
    }
}
