//! Many guess at one device, through several processes, as fast as they can: judged as often as the back-off
//! allows, and no more. The same around a success, and by callers who do not wait for the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign::domain::moment::Moment;
use countersign::domain::throttle::ThrottlePolicy;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Failed;
use crate::authenticator::{Authenticator, chance};
use crate::checker::{Noted, What};
use crate::client::Client;
use crate::history::{Answer, Code, Sort};
use crate::report::{Report, progress};
use crate::trial::{Ground, Trial, rules};

/// How to guess.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Guess {
    /// Seconds of each part: the default back-off, a short one, around a success, with cancelled calls
    #[arg(long, default_value_t = 60)]
    pub seconds: u64,
    /// Connections, each of which guesses all the time
    #[arg(long, default_value_t = 100)]
    pub connections: usize,
}

/// How those who guess go about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// They wait for each answer.
    Patient,
    /// In the middle of it the owner comes, with the right code.
    AroundSuccess,
    /// They go away before most answers are there.
    Cancelling,
}

/// Guesses.
///
/// # Errors
/// The trial does not come to its end.
pub async fn run(ground: Ground, guess: &Guess) -> Result<Report, Failed> {
    let title = format!("guess: {} connections, {} processes", guess.connections, ground.processes);
    let (mut report, mut trial) = (Report::of(title), Trial::begin(ground, "").await?);
    let short = ThrottlePolicy {
        factor: Duration::from_millis(10),
        max_delay: Duration::from_secs(1),
        ..ThrottlePolicy::default()
    };
    let usual = ThrottlePolicy::default();
    for (name, throttle, manner) in [
        ("the default back-off", usual, Manner::Patient),
        ("a short back-off", short, Manner::Patient),
        ("a short back-off, around a success", short, Manner::AroundSuccess),
        ("a short back-off, with cancelled calls", short, Manner::Cancelling),
    ] {
        progress(name);
        report
            .say(format!("{name} ({:?} to {:?}), {} s:", throttle.factor, throttle.max_delay, guess.seconds));
        let settings = format!(
            "[policy.throttle]\nfactor = \"{}ms\"\nmax_delay = \"{}s\"\n",
            throttle.factor.as_millis(),
            throttle.max_delay.as_secs()
        );
        trial.turn(&settings).await?;
        part(&trial, guess, name, throttle, manner, &mut report).await?;
    }
    trial.end().await?;
    Ok(report)
}

/// One part, on a device of its own.
async fn part(
    trial: &Trial,
    guess: &Guess,
    name: &str,
    throttle: ThrottlePolicy,
    manner: Manner,
    report: &mut Report,
) -> Result<(), Failed> {
    let device = Arc::new(Authenticator::enroll(&trial.clients, name, Sort::Counter).await?);
    let span = Duration::from_secs(guess.seconds);
    let is_in = Arc::new(AtomicBool::new(manner != Manner::AroundSuccess));
    let began = Instant::now();
    let mut crowd = JoinSet::new();
    for number in 0..guess.connections {
        let process = &trial.fleet.processes[number % trial.fleet.processes.len()];
        let (client, device) = (process.client(&trial.history)?, device.clone());
        crowd.spawn(guesser(client, device, manner, began, span, is_in.clone()));
    }
    crowd.join_all().await;
    let until = trial.history.now();
    let after = trial.judge(std::slice::from_ref(&device.place), &rules(throttle), report).await?;
    let (judged, allowed) = counts(&after.events, &throttle, until);
    let tries = trial.history.len();
    report.say(format!("{judged} failures judged of {tries} calls; the back-off allows {allowed}"));
    if judged > allowed {
        report.violation(format!("{name}: {judged} judged, and {allowed} allowed"));
    }
    if !is_in.load(Ordering::Relaxed) {
        report.say("the owner's code was never judged: guesses came first each time");
    }
    Ok(())
}

/// Guesses until the time is over.
async fn guesser(
    client: Client,
    device: Arc<Authenticator>,
    manner: Manner,
    began: Instant,
    span: Duration,
    is_in: Arc<AtomicBool>,
) {
    let (wrong, right) = (device.wrong(), device.text(device.next));
    while began.elapsed() < span {
        if began.elapsed() > span / 2 && !is_in.load(Ordering::Relaxed) && chance(2) == 0 {
            let told = client.verify(&device.place, Code::Right(device.next), &right, "").await;
            if told == Answer::Accepted {
                is_in.store(true, Ordering::Relaxed);
            }
            continue;
        }
        let call = client.verify(&device.place, Code::Wrong, &wrong, "");
        if manner == Manner::Cancelling {
            // Some before they are sent, some while they are judged, some after.
            let patience = Duration::from_micros(chance(20_000) as u64);
            let _ = tokio::time::timeout(patience, call).await;
        } else {
            call.await;
        }
    }
}

/// How many failures were judged, and how many the back-off allows: from each success, or the first failure,
/// to the next one or the end.
fn counts(events: &[Noted], throttle: &ThrottlePolicy, until: Moment) -> (u32, u32) {
    let mut events: Vec<&Noted> = events.iter().filter(|event| event.what != What::Other).collect();
    events.sort_by_key(|event| event.at);
    let last = events.last().map(|event| event.at);
    let (mut judged, mut allowed) = (0, 0);
    let mut first: Option<Moment> = None;
    for event in events {
        match event.what {
            What::Rejected(_) => {
                judged += 1;
                first.get_or_insert(event.at);
            }
            _ => {
                allowed += first.take().map_or(0, |first| within(throttle, event.at.since(first)));
            }
        }
    }
    // A proof whose caller went away may be judged a moment after the last call ended.
    let until = last.map_or(until, |last| until.max(last));
    (judged, allowed + first.map_or(0, |first| within(throttle, until.since(first))))
}

/// How many failures in a row have their turn within a span that begins with the first.
fn within(throttle: &ThrottlePolicy, span: Duration) -> u32 {
    let (mut failures, mut spent) = (1, throttle.delay(1));
    while spent <= span && failures < throttle.lock_after {
        failures += 1;
        spent += throttle.delay(failures);
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_back_off_allows_six_failures_in_a_minute() {
        let usual = ThrottlePolicy::default();
        let after = |seconds| within(&usual, Duration::from_secs(seconds));
        assert_eq!([after(0), after(1), after(3), after(31), after(60), after(63)], [1, 2, 3, 6, 6, 7]);
    }

    #[test]
    fn a_success_begins_the_count_anew() {
        let at = |seconds, what| Noted { device: "d".into(), at: Moment::from_secs(seconds), what };
        let events = [
            at(10, What::Rejected(1)),
            at(11, What::Rejected(2)),
            at(13, What::Accepted),
            at(14, What::Rejected(1)),
        ];
        assert_eq!(counts(&events, &ThrottlePolicy::default(), Moment::from_secs(14)), (3, 4));
    }
}
