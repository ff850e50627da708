//! The victim: a caller who makes calls in a few tasks over one connection, one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign::assurance::presets;
use countersign::wire::pb;
use tokio::task::JoinSet;

use super::server::Server;
use crate::Failed;
use crate::authenticator::Authenticator;
use crate::client::{Assurance, Client};
use crate::history::{Answer, Call, Code, History, Sort};

/// Tasks that call.
const TASKS: usize = 4;
/// Attributes of each decision that is asked for.
const ATTRIBUTES: usize = 3;
/// The length of each attribute, in bytes.
const ATTRIBUTE: usize = 3_000;

/// A caller's users, each with a device.
pub(super) struct Victim {
    users: Vec<Authenticator>,
}

/// Calls that are being made.
pub(super) struct Load {
    history: Arc<History>,
    is_over: Arc<AtomicBool>,
    tasks: JoinSet<Authenticator>,
}

/// What became of the calls.
pub(super) struct Outcome {
    pub(super) calls: usize,
    /// Calls that were not answered as they should be, by what was answered.
    pub(super) refused: BTreeMap<String, usize>,
    /// The 99th percentile of how long a call took.
    pub(super) p99: Duration,
}

impl Victim {
    /// Enrolls the devices.
    pub(super) async fn enroll(server: &Server) -> Result<Self, Failed> {
        let client = [server.client(&History::begin())?];
        let mut users = Vec::new();
        for number in 0..TASKS {
            users.push(Authenticator::enroll(&client, &format!("user {number}"), Sort::Counter).await?);
        }
        Ok(Self { users })
    }

    /// Begins to call, on a connection that is open.
    pub(super) async fn begin(&mut self, server: &Server) -> Result<Load, Failed> {
        let history = History::begin();
        let client = server.client(&history)?;
        if let Some(user) = self.users.first() {
            client.device(&user.place).await.map_err(|answer| format!("before the attack: {answer:?}"))?;
        }
        let (is_over, mut tasks) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
        for user in self.users.drain(..) {
            tasks.spawn(call(client.clone(), user, is_over.clone()));
        }
        Ok(Load { history, is_over, tasks })
    }

    /// Ends the calls.
    pub(super) async fn end(&mut self, load: Load) -> Outcome {
        load.is_over.store(true, Ordering::Relaxed);
        self.users = load.tasks.join_all().await;
        Outcome::of(&load.history.calls())
    }
}

async fn call(client: Client, mut user: Authenticator, is_over: Arc<AtomicBool>) -> Authenticator {
    while !is_over.load(Ordering::Relaxed) {
        let text = user.text(user.next);
        client.verify(&user.place, Code::Right(user.next), &text, "").await;
        user.next += 1;
        // Noted in the history.
        let _ = client.device(&user.place).await;
        let _ = decide(&client, &user).await;
    }
    user
}

/// Asks for a decision, in a message of 9 KB. Servers bound the memory for large messages.
async fn decide(client: &Client, user: &Authenticator) -> Result<pb::EvaluateResponse, Answer> {
    let attribute = |number: usize| (format!("attribute {number}"), "x".repeat(ATTRIBUTE));
    let request = pb::EvaluateRequest {
        subject: user.place.subject.to_string(),
        requirements: vec![presets::REMOVE.to_owned()],
        attributes: (0..ATTRIBUTES).map(attribute).collect(),
        ..Default::default()
    };
    let call = |mut assurance: Assurance| async move { assurance.evaluate(request).await };
    client.assure("Evaluate", "", call).await
}

impl Outcome {
    fn of(calls: &[Call]) -> Self {
        let mut refused = BTreeMap::new();
        for call in calls {
            if !matches!(call.answer, Answer::Accepted | Answer::Done) {
                *refused.entry(format!("{:?}", call.answer)).or_default() += 1;
            }
        }
        let mut took: Vec<Duration> = calls.iter().map(|call| call.end.since(call.begin)).collect();
        took.sort_unstable();
        let p99 = took.get(took.len() * 99 / 100).copied().unwrap_or_default();
        Self { calls: calls.len(), refused, p99 }
    }
}
