//! Processes and the database are killed at random moments while codes are verified: no code works twice, and
//! nothing that was acknowledged is lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign::domain::throttle::ThrottlePolicy;
use tokio::task::JoinSet;

use crate::Failed;
use crate::authenticator::{Authenticator, chance};
use crate::client::Client;
use crate::history::{Answer, Code, Sort};
use crate::report::{Report, progress};
use crate::trial::{Ground, Trial, rules};

/// Who verify at the same time.
const WORKERS: usize = 16;
/// Codes that a device accepts before its user enrolls another one.
const CODES: u64 = 50;
/// Failures in a row that do not lock.
const FAILURES: u64 = 80;
/// Nobody is slowed, so that what is offered is judged.
const SETTINGS: &str = "[policy.throttle]\nfactor = \"0s\"\n";

/// How to kill.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Kill {
    /// Codes that are verified
    #[arg(long, default_value_t = 10_000)]
    pub codes: usize,
    /// Kills, every third of them of the database's server
    #[arg(long, default_value_t = 60)]
    pub kills: usize,
}

/// What the workers share.
struct Work {
    clients: Vec<Client>,
    codes: usize,
    done: AtomicUsize,
    devices: Mutex<Vec<Authenticator>>,
    surprises: Mutex<Vec<String>>,
}

/// Kills.
///
/// # Errors
/// The trial does not come to its end.
pub async fn run(ground: Ground, kill: &Kill) -> Result<Report, Failed> {
    let Kill { codes, kills } = *kill;
    let title = format!("kill: {codes} codes, {kills} kills, {} processes", ground.processes);
    let (mut report, mut trial) = (Report::of(title), Trial::begin(ground, SETTINGS).await?);
    let work = Arc::new(Work {
        clients: trial.clients.clone(),
        codes,
        done: AtomicUsize::new(0),
        devices: Mutex::default(),
        surprises: Mutex::default(),
    });
    let mut workers = JoinSet::new();
    for number in 0..WORKERS {
        workers.spawn(worker(work.clone(), number));
    }
    let killed = killer(&mut trial, &work, &mut workers, kills).await?;
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    report.say(format!("{} kills of a process, {} of the database", killed[0], killed[1]));
    let devices = std::mem::take(&mut *work.devices.lock().unwrap_or_else(PoisonError::into_inner));
    progress(&format!("offering every code of {} devices again", devices.len()));
    let accepted = replay(&trial.clients, &devices).await?;
    report.say(format!("{} accepted codes offered again", accepted));
    for surprise in work.surprises.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        report.violation(surprise);
    }
    let places: Vec<_> = devices.into_iter().map(|device| device.place).collect();
    let throttle = ThrottlePolicy { factor: Duration::ZERO, ..ThrottlePolicy::default() };
    trial.judge(&places, &rules(throttle), &mut report).await?;
    trial.end().await?;
    Ok(report)
}

/// Kills what serves at random moments, and starts it again at once. Gives how many processes and databases.
async fn killer(
    trial: &mut Trial,
    work: &Work,
    workers: &mut JoinSet<Result<(), Failed>>,
    kills: usize,
) -> Result<[usize; 2], Failed> {
    let mut killed = [0, 0];
    let mut every = tokio::time::interval(Duration::from_millis(2));
    for number in 0..kills {
        let part = work.codes / kills.max(1);
        let moment = number * part + chance(part);
        while work.done.load(Ordering::Relaxed) < moment {
            if let Some(ended) = workers.try_join_next() {
                ended??;
            }
            every.tick().await;
        }
        match trial.database.server() {
            Some(server) if number % 3 == 2 => {
                server.kill().await?;
                server.go_on().await?;
                killed[1] += 1;
            }
            _ => {
                let which = chance(trial.fleet.processes.len());
                trial.fleet.processes[which].kill().await?;
                trial.fleet.processes[which].go_on().await?;
                killed[0] += 1;
            }
        }
        progress(&format!("{} codes, {} kills", work.done.load(Ordering::Relaxed), number + 1));
    }
    Ok(killed)
}

/// Enrolls devices and verifies their codes, each under its own request id, asked again until it is answered.
async fn worker(work: Arc<Work>, number: usize) -> Result<(), Failed> {
    let mut device: Option<Authenticator> = None;
    let mut enrolled = 0;
    while work.done.load(Ordering::Relaxed) < work.codes {
        let mut user = match device.take() {
            Some(user) if user.next <= CODES => user,
            worn => {
                work.keep(worn);
                enrolled += 1;
                let subject = format!("worker {number}, device {enrolled}");
                Authenticator::enroll(&work.clients, &subject, Sort::Counter).await?
            }
        };
        // One in eight is mistyped.
        let is_right = chance(8) > 0;
        let code = if is_right { Code::Right(user.next) } else { Code::Wrong };
        match user.offer(&work.clients, code).await? {
            Answer::Accepted if is_right => {
                user.next += 1;
                work.done.fetch_add(1, Ordering::Relaxed);
            }
            Answer::Rejected { .. } if !is_right => {}
            other => {
                let what = format!("{code:?} of {} was offered once, and told {other:?}", user.place.device);
                work.surprises.lock().unwrap_or_else(PoisonError::into_inner).push(what);
                user.next += 1;
            }
        }
        device = Some(user);
    }
    work.keep(device);
    Ok(())
}

impl Work {
    fn keep(&self, device: Option<Authenticator>) {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner).extend(device);
    }
}

/// Offers every code again that was accepted: the checker sees whether one is accepted again. Gives how many
/// were offered.
async fn replay(clients: &[Client], devices: &[Authenticator]) -> Result<u64, Failed> {
    let mut all = JoinSet::new();
    let mut offered = 0;
    for device in devices {
        if all.len() >= WORKERS
            && let Some(ended) = all.join_next().await
        {
            offered += ended??;
        }
        all.spawn(replay_one(clients.to_vec(), device.clone()));
    }
    while let Some(ended) = all.join_next().await {
        offered += ended??;
    }
    Ok(offered)
}

async fn replay_one(clients: Vec<Client>, mut device: Authenticator) -> Result<u64, Failed> {
    let used = device.next;
    for number in 0..used {
        if number % FAILURES == 0 {
            // A right one: so many failures in a row lock, and a locked device refuses everything.
            device.offer(&clients, Code::Right(device.next)).await?;
            device.next += 1;
        }
        let told = device.offer(&clients, Code::Right(number)).await?;
        if !told.is_judged() {
            return Err(format!("a replay was not judged: {told:?}").into());
        }
    }
    Ok(used)
}
