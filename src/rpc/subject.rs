//! `SubjectService`.

use tonic::{Request, Response, Status};

use super::{Received, Rpc, answer, message, once, parse, received, view};
use crate::auth::{self, rpc};
use crate::domain::violation::Violations;
use crate::wire::convert::kind;
use crate::wire::pb;
use crate::wire::pb::subject_service_server::SubjectService;

#[tonic::async_trait]
impl SubjectService for Rpc {
    async fn get_subject(
        &self,
        request: Request<pb::GetSubjectRequest>,
    ) -> Result<Response<pb::GetSubjectResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::GetSubject>(&caller)?;
            let mut violations = Violations::default();
            let subject = parse::subject(&mut violations, &asked.subject);
            let subject = parse::checked(violations, subject)?;
            let summary = self.service.summary(&grant, &subject).await?;
            Ok(pb::GetSubjectResponse {
                has_active_device: !summary.active_kinds.is_empty(),
                active_kinds: summary.active_kinds.iter().map(|k| kind(k).into()).collect(),
                recovery_codes_remaining: summary.recovery_codes_remaining,
                throttle: Some(view::subject_throttle(&summary)),
            })
        }
        .await;
        answer(answered, &name)
    }

    async fn unlock_subject(
        &self,
        request: Request<pb::UnlockSubjectRequest>,
    ) -> Result<Response<pb::UnlockSubjectResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::UnlockSubject>(&caller)?;
            let write = |count: &u32| Ok(pb::UnlockSubjectResponse { cleared_failure_count: *count });
            let mut violations = Violations::default();
            let once = once("UnlockSubject", &asked.request_id, &asked, &mut violations, &write);
            let subject = parse::subject(&mut violations, &asked.subject);
            let subject = parse::checked(violations, subject)?;
            message(&self.service.unlock_subject(&grant, &subject, once).await?, &write)
        }
        .await;
        answer(answered, &name)
    }
}
