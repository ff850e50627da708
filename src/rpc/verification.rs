//! `VerificationService`.

use futures_util::FutureExt as _;
use tonic::{Request, Response, Status};

use super::{Received, Rpc, answer, kept, message, once, parse, received, to_the_end, view};
use crate::auth::{self, rpc};
use crate::domain::violation::Violations;
use crate::service::{Attempt, Reply, Tried};
use crate::wire::decision::decided;
use crate::wire::pb;
use crate::wire::pb::verification_service_server::VerificationService;

#[tonic::async_trait]
impl VerificationService for Rpc {
    async fn verify(
        &self,
        request: Request<pb::VerifyRequest>,
    ) -> Result<Response<pb::VerifyResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::Verify>(&caller)?;
            let shows = self.view(&caller);
            let write = move |tried: &Tried| {
                let decisions = tried.decisions.as_ref();
                Ok(pb::VerifyResponse {
                    verdict: Some(view::verdict(tried.verdict)),
                    device: tried.device.as_ref().map(|device| shows.device(device)).transpose()?,
                    evidence: view::proved(tried),
                    decisions: decisions.map_or(Vec::new(), |all| all.each.iter().map(decided).collect()),
                    joint: decisions.and_then(|all| all.joint.decided()).map(decided),
                    joint_absence: decisions.map_or(0, |all| view::joint_absence(&all.joint).into()),
                })
            };
            let mut violations = Violations::default();
            let once = once("Verify", &asked.request_id, &asked, &mut violations, &write);
            let subject = parse::subject(&mut violations, &asked.subject);
            let device = parse::device_id_or_none(&mut violations, &asked.device_id);
            let offered = parse::proof(&mut violations, asked.proof);
            let (context, reach) = parse::place(&mut violations, asked.context, asked.scope);
            let question =
                parse::question(&mut violations, asked.requirements, asked.attributes, asked.capabilities);
            let attempt = subject.zip(offered).map(|(subject, offered)| Attempt {
                subject,
                device,
                offered,
                context,
                reach,
                question,
            });
            let attempt = parse::checked(violations, attempt)?;
            let service = self.service.clone();
            to_the_end(async move {
                let reply = service.verify(&grant, &attempt, once).await?;
                let mut answer = message(&reply, &write)?;
                if let Reply::Again(_) = reply
                    && let Some(kept) = kept::of(&answer.decisions, answer.joint.as_ref())
                    && let Some(anew) = service.revisit_verify(&grant, &attempt, &kept).boxed().await?
                {
                    answer.decisions = anew.each.iter().map(decided).collect();
                    answer.joint = anew.joint.decided().map(decided);
                    answer.joint_absence = view::joint_absence(&anew.joint).into();
                }
                Ok(answer)
            })
            .await
        }
        .await;
        answer(answered, &name)
    }
}
