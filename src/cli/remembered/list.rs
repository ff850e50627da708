//! `countersign client list`.

use clap::Args;

use super::{Answer, Exchange, Failure, print};
use crate::wire::convert::rfc3339;
use crate::wire::pb;
use crate::wire::pb::assurance_service_client::AssuranceServiceClient;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  countersign client list alice\n  countersign client list alice --json")]
pub(super) struct List {
    /// The user
    subject: String,
}

impl List {
    pub(super) async fn run(self, exchange: &mut Exchange<'_>) -> Result<Answer, Failure> {
        let request = pb::ListClientsRequest { subject: self.subject };
        let answer = exchange
            .client
            .call(request, async |channel, request| {
                AssuranceServiceClient::new(channel).list_clients(request).await
            })
            .await?;
        exchange.show(&answer, |out| {
            if answer.clients.is_empty() {
                return writeln!(out, "no clients");
            }
            let time = |time: &Option<_>| time.as_ref().map_or_else(String::new, rfc3339);
            let row = |client: &pb::Client| {
                let (seen, expires) = (time(&client.last_seen_time), time(&client.expire_time));
                [client.id.clone(), seen, expires, client.name.clone()]
            };
            let rows: Vec<_> = answer.clients.iter().map(row).collect();
            print::table(out, ["CLIENT", "LAST SEEN", "EXPIRES", "NAME"], &rows)
        })?;
        Ok(Answer::Yes)
    }
}
