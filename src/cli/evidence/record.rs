//! `countersign evidence record`.

use clap::Args;

use super::{Answer, Exchange, Failure, print};
use crate::cli::place::{Place, Scope, scope};
use crate::wire::pb;
use crate::wire::pb::assurance_service_client::AssuranceServiceClient;

#[derive(Debug, Args)]
#[command(
    after_help = "What a method is worth stands in the server's settings, as [methods.password].\n\nExamples:\n  \
                        countersign evidence record alice password --session s-1\n  \
                        countersign evidence record alice oidc --session s-1 --source https://id.example --amr mfa"
)]
pub(super) struct Record {
    /// The user
    subject: String,
    /// How: a method of the server's settings
    method: String,
    /// Who says so: an issuer, a system
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// What they say of how, by RFC 8176. May be repeated
    #[arg(long, value_name = "AMR")]
    amr: Vec<String>,
    /// How far it may be used. Left out: the transaction where one is named, else the session
    #[arg(long, value_enum, value_name = "SCOPE")]
    scope: Option<Scope>,
    #[command(flatten)]
    place: Place,
}

impl Record {
    pub(super) async fn run(self, exchange: &mut Exchange<'_>) -> Result<Answer, Failure> {
        let request = pb::RecordEvidenceRequest {
            context: self.place.context()?,
            subject: self.subject,
            method: self.method,
            source: self.source.unwrap_or_default(),
            amr: self.amr,
            scope: scope(self.scope),
            request_id: exchange.request_id(),
            ..Default::default()
        };
        let answer = exchange
            .client
            .call(request, async |channel, request| {
                AssuranceServiceClient::new(channel).record_evidence(request).await
            })
            .await?;
        exchange.show(&answer, |out| {
            answer.evidence.as_ref().map_or(Ok(()), |evidence| writeln!(out, "{}", print::gained(evidence)))
        })?;
        Ok(Answer::Yes)
    }
}
