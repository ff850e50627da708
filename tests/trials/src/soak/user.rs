//! One user, who does everything that a user does, in any order.

use std::sync::Arc;

use countersign::wire::pb;

use crate::Failed;
use crate::authenticator::{Authenticator, chance, patiently, request_id, told};
use crate::client::{Assurance, Client, Place};
use crate::history::{Answer, Code, Sort};

/// Asks something of the second question, under the same request id until it is answered.
macro_rules! assure {
    ($user:expr, $rpc:ident, $request:expr) => {{
        let request = &$request;
        let call = |client: Client| async move {
            let (id, request) = (request.request_id.clone(), request.clone());
            let call = |mut assurance: Assurance| async move { assurance.$rpc(request).await };
            client.assure(stringify!($rpc), &id, call).await
        };
        match patiently(&$user.clients, call).await {
            Ok(_) => Ok(()),
            Err(answer) => Err(Failed::from(format!("{}: {answer:?}", stringify!($rpc)))),
        }
    }};
}

/// Devices and what was done with them.
pub(super) struct User {
    clients: Vec<Client>,
    subject: Arc<str>,
    session: String,
    token: Authenticator,
    list: Authenticator,
    /// Where devices are that were given up, or never confirmed.
    others: Vec<Place>,
}

impl User {
    pub(super) async fn new(clients: Vec<Client>, number: usize) -> Result<Self, Failed> {
        let subject: Arc<str> = format!("user {number}").into();
        let token = Authenticator::enroll(&clients, &subject, Sort::Counter).await?;
        let list = Authenticator::enroll(&clients, &subject, Sort::List).await?;
        let session = format!("session of user {number}");
        Ok(Self { clients, subject, session, token, list, others: Vec::new() })
    }

    /// Every device that was enrolled.
    pub(super) fn places(self) -> Vec<Place> {
        [self.token.place, self.list.place].into_iter().chain(self.others).collect()
    }

    /// Does something.
    pub(super) async fn act(&mut self) -> Result<(), Failed> {
        match chance(100) {
            0..35 => self.log_in().await,
            35..45 => self.token.offer(&self.clients, Code::Wrong).await.map(drop),
            45..55 => {
                // Used already: the confirming one at least.
                let used = chance(usize::try_from(self.token.next).unwrap_or(1)) as u64;
                self.token.offer(&self.clients, Code::Right(used)).await.map(drop)
            }
            55..70 => self.ask().await,
            70..80 => self.record().await,
            80..84 => self.revoke().await,
            84..90 => self.recover().await,
            90..93 => self.remember().await,
            // Never confirmed: swept.
            93..95 => {
                let pending = self.enroll(Sort::Counter).await?;
                self.others.extend(pending.map(|pending| pending.place));
                Ok(())
            }
            _ => self.replace().await,
        }
    }

    /// A right code. Too soon after a wrong one it is not looked at, and stays good.
    async fn log_in(&mut self) -> Result<(), Failed> {
        match self.token.offer_in(&self.clients, Code::Right(self.token.next), Some(self.context())).await? {
            Answer::Accepted => self.token.next += 1,
            Answer::NotJudged(_) => {}
            other => return Err(format!("a right code came to {other:?}").into()),
        }
        Ok(())
    }

    /// A recovery code; when none is left, a new list.
    async fn recover(&mut self) -> Result<(), Failed> {
        if self.list.next < self.list.codes() {
            let told = self.list.offer(&self.clients, Code::Right(self.list.next)).await?;
            if told.is_judged() {
                self.list.next += 1;
            }
            return Ok(());
        }
        let list = Authenticator::enroll(&self.clients, &self.subject, Sort::List).await?;
        let worn = std::mem::replace(&mut self.list, list);
        self.delete(worn.place).await
    }

    /// A phone that is enrolled and removed.
    async fn replace(&mut self) -> Result<(), Failed> {
        let Some(phone) = self.enroll(Sort::Step).await? else { return Ok(()) };
        let place = phone.place.clone();
        // Too late: it took so long that the step was over.
        if phone.confirm(&self.clients).await.is_err() {
            self.others.push(place);
            return Ok(());
        }
        self.delete(place).await
    }

    /// A pending device, unless the subject has as many as it may have.
    async fn enroll(&self, sort: Sort) -> Result<Option<Authenticator>, Failed> {
        match Authenticator::pending(&self.clients, &self.subject, sort).await {
            Ok(pending) => Ok(Some(pending)),
            Err(Answer::Refused(why)) if why == "DEVICE_LIMIT" => Ok(None),
            Err(answer) => Err(format!("enrolling a device: {answer:?}").into()),
        }
    }

    async fn delete(&mut self, place: Place) -> Result<(), Failed> {
        let (at, id) = (&place, &request_id());
        let call = |client: Client| async move { told(client.delete(at, id).await) };
        let answer = patiently(&self.clients, call).await;
        self.others.push(place);
        match answer {
            Ok(Answer::Done) => Ok(()),
            other => Err(format!("removing a device: {other:?}").into()),
        }
    }

    fn context(&self) -> pb::Context {
        pb::Context { session: self.session.clone(), ..Default::default() }
    }

    async fn ask(&self) -> Result<(), Failed> {
        let request = pb::EvaluateRequest {
            subject: self.subject.to_string(),
            context: Some(self.context()),
            requirements: vec!["login".to_owned()],
            request_id: request_id(),
            ..Default::default()
        };
        assure!(self, evaluate, request)
    }

    async fn record(&self) -> Result<(), Failed> {
        let request = pb::RecordEvidenceRequest {
            subject: self.subject.to_string(),
            context: Some(self.context()),
            method: "password".to_owned(),
            request_id: request_id(),
            ..Default::default()
        };
        assure!(self, record_evidence, request)
    }

    async fn revoke(&self) -> Result<(), Failed> {
        let selection = pb::revoke_evidence_request::Selection::Session(self.session.clone());
        let request = pb::RevokeEvidenceRequest {
            subject: self.subject.to_string(),
            selection: Some(selection),
            request_id: request_id(),
        };
        assure!(self, revoke_evidence, request)
    }

    /// A browser that is remembered, and all of them forgotten.
    async fn remember(&self) -> Result<(), Failed> {
        let request = pb::RememberClientRequest {
            subject: self.subject.to_string(),
            name: "browser".to_owned(),
            request_id: request_id(),
            ..Default::default()
        };
        assure!(self, remember_client, request)?;
        let request = pb::ForgetClientsRequest {
            subject: self.subject.to_string(),
            request_id: request_id(),
            ..Default::default()
        };
        assure!(self, forget_clients, request)
    }
}
