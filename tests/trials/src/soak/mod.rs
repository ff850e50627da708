//! A long mix of everything, with faults now and then: the promises are kept, what has run out is swept, and
//! neither memory nor descriptors nor tables grow.

mod faults;
mod samples;
mod user;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign::domain::throttle::ThrottlePolicy;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use self::samples::Samples;
use self::user::User;
use crate::Failed;
use crate::checker::Rules;
use crate::client::Place;
use crate::report::{Report, progress};
use crate::trial::{Ground, Trial};

/// Users, each of whom does one thing after the other.
const USERS: usize = 40;
/// How often a user does something, at most: so that tables are as full at the end as in the middle.
const PACE: Duration = Duration::from_millis(200);
/// How often it is looked how large everything is.
const LOOK: Duration = Duration::from_secs(2);
/// Runs that are shorter say nothing about growth: nothing has been swept yet.
const TELLING: Duration = Duration::from_secs(8 * 60);
/// Lifetimes as short as they may be.
const SETTINGS: &str = r#"
[policy]
pending_for = "60s"
devices_per_subject = 20
totp.tolerance = 0
hotp.look_ahead = 0
[policy.throttle]
factor = "10ms"
max_delay = "1s"
[policy.evidence]
session_for = "60s"
client_for = "60s"
transaction_for = "10s"
[methods.password]
factor_types = ["knowledge"]
[requirements]
login = "password and hotp within 12h"
"#;

/// How to soak.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Soak {
    /// Minutes
    #[arg(long, default_value_t = 20.0)]
    pub minutes: f64,
    /// Seconds from one fault to the next
    #[arg(long, default_value_t = 10.0)]
    pub faults_every: f64,
}

/// Soaks.
///
/// # Errors
/// The trial does not come to its end.
pub async fn run(ground: Ground, soak: &Soak) -> Result<Report, Failed> {
    let title = format!("soak: {} minutes, {USERS} users, {} processes", soak.minutes, ground.processes);
    let (mut report, mut trial) = (Report::of(title), Trial::begin(ground, SETTINGS).await?);
    let span = Duration::try_from_secs_f64(soak.minutes * 60.0)?;
    let until = Instant::now() + span;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut users = JoinSet::new();
    for number in 0..USERS {
        users.spawn(live(trial.clients.clone(), number, is_over.clone()));
    }
    let mut samples = Samples::new(trial.database.url());
    let broken = besiege(&mut trial, &mut users, &mut samples, until, soak.faults_every).await;
    is_over.store(true, Ordering::Relaxed);
    report.say(broken?);
    let mut places = Vec::new();
    while let Some(ended) = users.join_next().await {
        places.extend(ended??);
    }
    samples.take(&trial.fleet).await?;
    samples.tell(span >= TELLING, &mut report);
    let throttle = ThrottlePolicy {
        factor: Duration::from_millis(10),
        max_delay: Duration::from_secs(1),
        ..ThrottlePolicy::default()
    };
    let rules = Rules { throttle, pending_for: Duration::from_secs(60) };
    trial.judge(&places, &rules, &mut report).await?;
    trial.end().await?;
    Ok(report)
}

/// One user, until it is over. Gives the devices.
async fn live(
    clients: Vec<crate::client::Client>,
    number: usize,
    is_over: Arc<AtomicBool>,
) -> Result<Vec<Place>, Failed> {
    let mut user = User::new(clients, number).await?;
    let mut every = tokio::time::interval(PACE);
    every.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !is_over.load(Ordering::Relaxed) {
        every.tick().await;
        user.act().await?;
    }
    Ok(user.places())
}

/// Makes faults, and looks how large everything is. Says how many there were.
async fn besiege(
    trial: &mut Trial,
    users: &mut JoinSet<Result<Vec<Place>, Failed>>,
    samples: &mut Samples,
    until: Instant,
    faults_every: f64,
) -> Result<String, Failed> {
    let pause = Duration::try_from_secs_f64(faults_every.max(0.1))?;
    let (mut looks, mut next_fault) = (tokio::time::interval(LOOK), Instant::now() + pause);
    let mut faults = faults::Faults::default();
    while Instant::now() < until {
        tokio::select! {
            _ = looks.tick() => {
                // A database that does not answer now will be looked at later.
                if let Err(error) = samples.take(&trial.fleet).await {
                    progress(&format!("no look at the tables: {error}"));
                }
            }
            () = tokio::time::sleep_until(next_fault) => {
                let what = faults.make(trial).await?;
                let left = until.saturating_duration_since(Instant::now());
                progress(&format!("{} calls, {what}; {} s to go", trial.history.len(), left.as_secs()));
                next_fault = Instant::now() + pause;
            }
        }
        // A user who has ended has failed.
        if let Some(ended) = users.try_join_next() {
            ended??;
        }
    }
    Ok(faults.to_string())
}
