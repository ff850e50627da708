//! `countersign evidence list`.

use clap::Args;

use super::{Answer, Exchange, Failure, print};
use crate::cli::place::Place;
use crate::wire::pb;
use crate::wire::pb::assurance_service_client::AssuranceServiceClient;

#[derive(Debug, Args)]
#[command(
    after_help = "Newest first. Without a place, all that could still count somewhere.\n\nExamples:\n  \
                        countersign evidence list alice\n  \
                        countersign evidence list alice --session s-1 --json"
)]
pub(super) struct List {
    /// The user
    subject: String,
    #[command(flatten)]
    place: Place,
}

/// Evidence in a page of the listing.
const PAGE: i32 = 200;

impl List {
    pub(super) async fn run(self, exchange: &mut Exchange<'_>) -> Result<Answer, Failure> {
        let mut request = pb::ListEvidenceRequest {
            context: self.place.context()?,
            subject: self.subject,
            page_size: PAGE,
            page_token: String::new(),
        };
        let mut all = pb::ListEvidenceResponse::default();
        loop {
            let page = exchange
                .client
                .call(request.clone(), async |channel, request| {
                    AssuranceServiceClient::new(channel).list_evidence(request).await
                })
                .await?;
            all.evidence.extend(page.evidence);
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        exchange.show(&all, |out| {
            if all.evidence.is_empty() {
                return writeln!(out, "no evidence");
            }
            let rows: Vec<_> = all.evidence.iter().map(print::evidence).collect();
            print::table(out, print::EVIDENCE, &rows)
        })?;
        Ok(Answer::Yes)
    }
}
