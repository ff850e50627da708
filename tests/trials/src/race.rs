//! Many offer one code to several processes at the same moment: one is accepted.

use std::sync::Arc;

use countersign::domain::throttle::ThrottlePolicy;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::Failed;
use crate::authenticator::{Authenticator, request_id};
use crate::client::Client;
use crate::database::sql;
use crate::history::{Answer, Code, Sort};
use crate::report::{Report, progress};
use crate::trial::{Ground, Trial, rules};

/// Connections to each process.
const CONNECTIONS: usize = 8;

/// How to race.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Race {
    /// Rounds for each kind of device
    #[arg(long, default_value_t = 20)]
    pub rounds: usize,
    /// Tries of one code at the same moment
    #[arg(long, default_value_t = 1000)]
    pub tries: usize,
}

/// Races.
///
/// # Errors
/// The trial does not come to its end.
pub async fn run(ground: Ground, race: &Race) -> Result<Report, Failed> {
    let Race { rounds, tries } = *race;
    let title = format!("race: {tries} tries of one code, {} processes", ground.processes);
    let (mut report, trial) = (Report::of(title), Trial::begin(ground, "").await?);
    let mut runners: Vec<Client> = Vec::new();
    for _ in 0..CONNECTIONS {
        runners.extend(trial.fleet.clients(&trial.history)?);
    }
    let mut places = Vec::new();
    for (name, sort) in [("TOTP", Sort::Step), ("HOTP", Sort::Counter), ("recovery codes", Sort::List)] {
        let mut accepted = 0;
        for round in 0..rounds {
            progress(&format!("{name}: round {} of {rounds}", round + 1));
            let device = Authenticator::enroll(&trial.clients, &format!("{name} {round}"), sort).await?;
            places.push(device.place.clone());
            let of_device =
                format!("event WHERE what = 'proof.accepted' AND device = '{}'", device.place.device);
            let before = sql::count(&trial.database.url(), &of_device).await?;
            let told = rush(&runners, &device, tries).await;
            let written = sql::count(&trial.database.url(), &of_device).await? - before;
            if told != 1 || written != 1 {
                report.violation(format!("{name}, round {round}: {told} told, {written} events"));
            }
            accepted += told;
        }
        report.say(format!("{name}: {accepted} acceptances in {rounds} rounds"));
    }
    trial.judge(&places, &rules(ThrottlePolicy::default()), &mut report).await?;
    trial.end().await?;
    Ok(report)
}

/// Everybody offers the next code. Gives how many were told that it is theirs.
async fn rush(runners: &[Client], device: &Authenticator, tries: usize) -> usize {
    let start = Arc::new(Barrier::new(tries));
    let device = Arc::new(device.clone());
    let mut all = JoinSet::new();
    for runner in runners.iter().cycle().take(tries) {
        let (runner, start, device) = (runner.clone(), start.clone(), device.clone());
        all.spawn(async move {
            let (text, id) = (device.text(device.next), request_id());
            start.wait().await;
            runner.verify(&device.place, Code::Right(device.next), &text, &id).await
        });
    }
    all.join_all().await.into_iter().filter(|answer| *answer == Answer::Accepted).count()
}
