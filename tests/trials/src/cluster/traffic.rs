//! Users who prove something, one after the other and again and again, while things happen to the database.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign::domain::moment::Moment;
use countersign::domain::throttle::ThrottlePolicy;
use tokio::task::JoinSet;

use super::daemon::until;
use crate::Failed;
use crate::authenticator::{Authenticator, patiently, request_id, told};
use crate::client::Client;
use crate::history::{Answer, Call, Code, History, Sort};
use crate::report::Report;
use crate::trial::{Trial, rules};

/// Codes that a user offers of a device before they enroll another.
const CODES: u64 = 30;
/// How long users may take until so many are accepted.
const PATIENCE: Duration = Duration::from_secs(120);

/// Users at work. Each of them waits for an answer, and asks again under the same `request_id` where there is
/// none, as a caller should.
pub struct Traffic {
    history: Arc<History>,
    is_over: Arc<AtomicBool>,
    users: JoinSet<Result<Vec<Authenticator>, Failed>>,
}

impl Traffic {
    /// So many users begin, who ask one of the processes or another each time.
    #[must_use]
    pub fn begin(trial: &Trial, users: usize) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut all = JoinSet::new();
        for number in 0..users {
            let sort = if number % 3 == 2 { Sort::List } else { Sort::Counter };
            let (clients, is_over) = (trial.clients.clone(), is_over.clone());
            all.spawn(user(clients, format!("user {number}"), sort, is_over));
        }
        Self { history: trial.history.clone(), is_over, users: all }
    }

    /// Waits until so many more codes are accepted.
    ///
    /// # Errors
    /// That takes too long.
    pub async fn more(&mut self, count: usize) -> Result<(), Failed> {
        let enough = accepted(&self.history) + count;
        let is_enough = async || Ok(accepted(&self.history) >= enough);
        let waited = until("some more verifications", PATIENCE, is_enough).await;
        self.unless_ended(waited)
    }

    /// Waits until each of these processes has accepted a code that was offered after that moment.
    ///
    /// # Errors
    /// That takes too long.
    pub async fn all_accept(&mut self, processes: &[usize], since: Moment) -> Result<(), Failed> {
        let waited = until("every process's accepting something", PATIENCE, async || {
            let calls = self.history.calls();
            let later = calls.iter().filter(|call| call.begin > since && call.answer == Answer::Accepted);
            let seen: BTreeSet<usize> = later.map(|call| call.process).collect();
            let missing = processes.iter().filter(|process| !seen.contains(process)).count();
            if missing == 0 { Ok(true) } else { Err(format!("{missing} have not").into()) }
        })
        .await;
        self.unless_ended(waited)
    }

    /// Where something was waited for in vain: why a user gave up, if one has.
    fn unless_ended(&mut self, waited: Result<(), Failed>) -> Result<(), Failed> {
        if waited.is_err()
            && let Some(ended) = self.users.try_join_next()
        {
            ended??;
        }
        let calls = self.history.calls();
        let last = calls[calls.len().saturating_sub(5)..].iter().map(|call| format!("\n{call:?}"));
        waited.map_err(|e| format!("{e}; the last calls:{}", last.collect::<String>()).into())
    }

    /// Ends it, when every user has their answer. Gives all devices.
    ///
    /// # Errors
    /// A user was refused something, or got no answer for long.
    pub async fn end(mut self) -> Result<Vec<Authenticator>, Failed> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut devices = Vec::new();
        while let Some(user) = self.users.join_next().await {
            devices.extend(user??);
        }
        Ok(devices)
    }
}

async fn user(
    clients: Vec<Client>,
    name: String,
    sort: Sort,
    is_over: Arc<AtomicBool>,
) -> Result<Vec<Authenticator>, Failed> {
    let mut devices: Vec<Authenticator> = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let subject = format!("{name} {}", devices.len());
        let mut device = Authenticator::enroll(&clients, &subject, sort).await?;
        let codes = if sort == Sort::List { device.codes() } else { CODES };
        while device.next < codes && !is_over.load(Ordering::Relaxed) {
            match offer(&clients, &device, device.next).await? {
                Answer::Accepted => device.next += 1,
                other => {
                    return Err(format!("{subject}: code {} is right, and {other:?}", device.next).into());
                }
            }
        }
        devices.push(device);
    }
    Ok(devices)
}

/// Offers a code until there is an answer.
///
/// # Errors
/// There is none for long.
async fn offer(clients: &[Client], device: &Authenticator, number: u64) -> Result<Answer, Failed> {
    let (text, id) = (device.text(number), request_id());
    let (place, text, id) = (&device.place, &text, &id);
    let verify =
        |client: Client| async move { told(client.verify(place, Code::Right(number), text, id).await) };
    patiently(clients, verify)
        .await
        .map_err(|answer| format!("a verification for {}: {answer:?}", place.subject).into())
}

/// Offers the last code of each device again, which was accepted and must not be; then holds all that was
/// recorded against the promises.
///
/// # Errors
/// There is no answer for long.
pub async fn judge(trial: &Trial, devices: &[Authenticator], report: &mut Report) -> Result<(), Failed> {
    let mut all = JoinSet::new();
    for device in devices.iter().filter(|device| device.next > 0).cloned() {
        let clients = trial.clients.clone();
        all.spawn(async move { (offer(&clients, &device, device.next - 1).await, device.place) });
    }
    for (answer, place) in all.join_all().await {
        if answer? == Answer::Accepted {
            report.violation(format!("a used code of {} is accepted again", place.subject));
        }
    }
    let places: Vec<_> = devices.iter().map(|device| device.place.clone()).collect();
    trial.judge(&places, &rules(ThrottlePolicy::default()), report).await?;
    Ok(())
}

/// Says for how long nothing was accepted after each of these moments.
pub fn say_gaps(calls: &[Call], moments: &[Moment], report: &mut Report) {
    let gaps = gaps(calls, moments);
    let mut sorted = gaps.clone();
    sorted.sort_unstable();
    if let Some(median) = sorted.get(sorted.len() / 2) {
        let each: Vec<_> = gaps.iter().map(|gap| format!("{gap:.1?}")).collect();
        report
            .say(format!("nothing accepted after a kill for {median:.1?} (median), of {}", each.join(", ")));
    }
}

/// For how long after each of these moments nothing was accepted: from the last acceptance before, or the
/// moment itself, to the first that was offered again or anew and accepted.
fn gaps(calls: &[Call], moments: &[Moment]) -> Vec<Duration> {
    let mut ends: Vec<Moment> =
        calls.iter().filter(|call| call.answer == Answer::Accepted).map(|call| call.end).collect();
    ends.sort_unstable();
    let longest = |(number, from): (usize, &Moment)| {
        let to = moments.get(number + 1);
        // What was under way comes to its end for a moment: the gap is the longest after it.
        let within = ends.iter().filter(|end| *end >= from && to.is_none_or(|to| *end < to));
        let mut last = *from;
        within.map(|end| end.since(std::mem::replace(&mut last, *end))).max().unwrap_or_default()
    };
    moments.iter().enumerate().map(longest).collect()
}

fn accepted(history: &History) -> usize {
    history.calls().iter().filter(|call| call.answer == Answer::Accepted).count()
}
