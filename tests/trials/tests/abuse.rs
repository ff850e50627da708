//! The attacks in short: memory, refusals and recovery are held, times are not. The long form is a command:
//! `cargo run -p countersign-trials -- abuse --help`.

// From a trial down to the driver of a database are more futures in each other than the compiler takes unasked.
#![recursion_limit = "256"]

use clap::ValueEnum as _;
use countersign_trials::abuse::{self, Abuse, Attack, Bounds};
use countersign_trials::report::Report;
use countersign_trials::{Failed, place};

fn held(report: &Report) -> Result<(), Failed> {
    countersign_trials::report::progress(&report.to_string());
    if report.is_good() { Ok(()) } else { Err(report.to_string().into()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_attackers_send_costs_no_other_caller_an_answer() -> Result<(), Failed> {
    // The connections of the first two are too much for a build that is not optimised, beside other tests: a probe needs five
    // seconds. The third takes as much memory as an optimised build may have.
    let left_out = [Attack::UnreadAnswers, Attack::Crowd, Attack::EverythingKept];
    let attacks = Attack::value_variants().iter().filter(|attack| !left_out.contains(attack));
    let abuse = Abuse { seconds: 2, attacks: attacks.copied().collect(), no_attacks: false };
    held(&abuse::attacks(&place::countersign(None)?, &abuse, Bounds::SHORT).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_given_up_end_no_others() -> Result<(), Failed> {
    held(&abuse::give_ups(&place::countersign(None)?, false).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_requests_stops_whatever_is_connected() -> Result<(), Failed> {
    held(&abuse::stop(&place::countersign(None)?, Bounds::SHORT).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_few_descriptors_waits_and_can_be_reached() -> Result<(), Failed> {
    held(&abuse::few_descriptors(&place::countersign(None)?).await?)
}
