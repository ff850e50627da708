//! `countersign client forget`.

use clap::Args;

use super::{Answer, Exchange, Failure};
use crate::wire::pb;
use crate::wire::pb::assurance_service_client::AssuranceServiceClient;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  countersign client forget alice 7gqk5yk2n4rz3mbd6vhsy5w2ae\n  \
                        countersign client forget alice --all")]
pub(super) struct Forget {
    /// The user
    subject: String,
    #[command(flatten)]
    selection: Selected,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Selected {
    /// The clients, by their ids as `client list` shows them
    clients: Vec<String>,
    /// All of them
    #[arg(long)]
    all: bool,
}

impl Forget {
    pub(super) async fn run(self, exchange: &mut Exchange<'_>) -> Result<Answer, Failure> {
        let request = pb::ForgetClientsRequest {
            subject: self.subject,
            client_ids: self.selection.clients,
            request_id: exchange.request_id(),
        };
        let answer = exchange
            .client
            .call(request, async |channel, request| {
                AssuranceServiceClient::new(channel).forget_clients(request).await
            })
            .await?;
        exchange.show(&answer, |out| writeln!(out, "{} forgotten", answer.forgotten_count))?;
        Ok(Answer::Yes)
    }
}
