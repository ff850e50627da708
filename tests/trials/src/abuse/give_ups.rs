//! Calls that are given up while the server stands still. They end none of the others on their connection.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::FILES;
use super::server::Server;
use crate::client::{Client, Place};
use crate::history::{Answer, History};
use crate::report::Report;
use crate::{Failed, signal};

/// How long who gives up waits.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the server stands still, and who calls it meanwhile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pause {
    pause: Duration,
    /// Who give up. With a long pause they call again.
    impatient: usize,
    /// Who wait.
    patient: usize,
}

pub(super) const SHORT: Pause = Pause { pause: Duration::from_millis(1_500), impatient: 30, patient: 5 };
/// As many streams as the server announces, for as long as it may stand still.
pub(super) const LONG: Pause = Pause {
    pause: Duration::from_secs(10),
    impatient: countersign::transport::STREAMS as usize - 5,
    patient: 5,
};

/// Calls while the server is stopped (SIGSTOP).
pub(super) async fn run(binary: &Path, pause: Pause) -> Result<Report, Failed> {
    let Pause { pause, impatient, patient } = pause;
    let mut report = Report::of(format!("give-ups: {impatient} give up and {patient} wait, {pause:?}"));
    let mut server = Server::start(binary, FILES).await?;
    let client = server.client(&History::begin())?;
    ask(&client).await.map_err(|answer| format!("before the pause: {answer:?}"))?;
    let process = server.process()?;
    signal::send("STOP", &[process]).await?;
    let until = Instant::now() + pause;
    let (mut giving_up, mut waiting) = (JoinSet::new(), JoinSet::new());
    for _ in 0..impatient {
        let client = client.clone();
        giving_up.spawn(async move {
            let (mut given_up, mut others) = (0, Vec::new());
            // Each call is given up before the server goes on.
            while given_up == 0 || Instant::now() + PATIENCE < until {
                match timeout(PATIENCE, ask(&client)).await {
                    Err(_) => given_up += 1,
                    Ok(answer) => others.push(answer),
                }
                if !others.is_empty() {
                    break;
                }
            }
            (given_up, others)
        });
    }
    for _ in 0..patient {
        let client = client.clone();
        waiting.spawn(async move { ask(&client).await });
    }
    sleep(pause).await;
    signal::send("CONT", &[process]).await?;
    let (mut given_up, mut others) = (0, BTreeMap::<String, usize>::new());
    for (count, answers) in giving_up.join_all().await {
        given_up += count;
        for answer in answers {
            *others.entry(format!("{answer:?}")).or_default() += 1;
        }
    }
    let answers = waiting.join_all().await;
    let answered = answers.iter().filter(|answer| answer.is_ok()).count();
    report.say(format!("{given_up} calls were given up; {answered} of {patient} that waited were answered"));
    if !others.is_empty() {
        report.violation(format!("give-ups: calls that could only be given up were told {others:?}"));
    }
    if answered < patient {
        report.violation(format!("give-ups: those that waited were told {answers:?}"));
    }
    if let Err(answer) = ask(&client).await {
        report.violation(format!("give-ups: a call afterwards is told {answer:?}"));
    }
    server.end().await?;
    Ok(report)
}

/// Asks for a device that is not there.
async fn ask(client: &Client) -> Result<(), Answer> {
    let place = Place { subject: "alice".into(), device: "dev_none".into() };
    match client.device(&place).await {
        Ok(_) => Ok(()),
        // Either refusal will do: the id is malformed.
        Err(Answer::Refused(why)) if why == "INVALID_REQUEST" || why == "DEVICE_NOT_FOUND" => Ok(()),
        Err(answer) => Err(answer),
    }
}
