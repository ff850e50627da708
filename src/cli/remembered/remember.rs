//! `countersign client remember`.

use std::time::Duration;

use clap::Args;

use super::{Answer, Exchange, Failure};
use crate::cli::typed;
use crate::wire::convert::duration;
use crate::wire::pb;
use crate::wire::pb::assurance_service_client::AssuranceServiceClient;

#[derive(Debug, Args)]
#[command(
    after_help = "The token is shown now and never again; --client-token-file takes it.\n\nExamples:\n  \
                        countersign client remember alice 'Firefox on Linux'\n  \
                        countersign client remember alice kiosk --for 60m > kiosk.token"
)]
pub(super) struct Remember {
    /// The user
    subject: String,
    /// What the user will know it by: up to 64 characters
    name: String,
    /// For how long, at most as long as the server's settings say, which is the default
    #[arg(long = "for", value_name = "TIME", value_parser = typed::span)]
    duration: Option<Duration>,
}

impl Remember {
    pub(super) async fn run(self, exchange: &mut Exchange<'_>) -> Result<Answer, Failure> {
        let request = pb::RememberClientRequest {
            subject: self.subject,
            name: self.name,
            duration: self.duration.map(duration),
            request_id: exchange.request_id(),
        };
        let answer = exchange
            .client
            .call(request, async |channel, request| {
                AssuranceServiceClient::new(channel).remember_client(request).await
            })
            .await?;
        exchange.show(&answer, |out| writeln!(out, "{}", answer.client_token))?;
        Ok(Answer::Yes)
    }
}
