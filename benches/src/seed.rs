//! Fills a database with devices in use, as the product writes them.

use std::path::PathBuf;
use std::sync::Arc;

use countersign::app;
use countersign::domain::device::SubjectState;
use countersign::domain::event::{Event, What};
use countersign::domain::ids::CallerName;
use countersign::domain::secret::SecretText;
use countersign::env::{Clock, Entropy, SystemClock, SystemEntropy};
use countersign::store::{Change, Commit, Options, Outcome};
use tokio::task::JoinSet;

use crate::{Failed, fleet, place};

/// Commits under way at once.
const AT_ONCE: usize = 256;

/// How to reach a database.
pub fn options(url: &str) -> Options {
    Options::of(SecretText::new(url.to_owned()))
}

/// What is made.
#[derive(Debug, Clone, clap::Args)]
pub struct Order {
    /// Where the server has its files.
    #[arg(long)]
    pub dir: PathBuf,
    /// The database.
    #[arg(long)]
    pub database: String,
    /// Devices.
    #[arg(long)]
    pub devices: usize,
    /// How far apart their numbers are.
    #[arg(long, default_value_t = 1)]
    pub stride: usize,
    /// Also what their users have proved.
    #[arg(long)]
    pub evidence: bool,
}

/// Makes the schema and the devices.
pub async fn run(order: &Order) -> Result<(), Failed> {
    let Order { dir, database: url, devices, stride, evidence } = order;
    place::init(dir)?;
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let store = Arc::new(app::open(&options(url), place::keyring(dir)?, &entropy).await?);
    let caller = CallerName::trusted("bench");
    let now = SystemClock.now();
    let mut under_way = JoinSet::new();
    for number in 0..*devices {
        let member = fleet::member(number * stride);
        let device = fleet::device(&member, now)?;
        let event = Event::of(&device, What::DeviceEnrolled, &caller, now);
        let subject = SubjectState { enrolled_at: Some(now), ..SubjectState::unseen().successor() };
        let proved = if *evidence { fleet::evidence(&member, now) } else { Vec::new() };
        let commit = Commit::new(event)
            .change(Change::Insert(Box::new(device), member.secret))
            .change(Change::Subject(subject));
        let commit =
            proved.into_iter().fold(commit, |commit, one| commit.change(Change::Evidence(Box::new(one))));
        let store = store.clone();
        under_way.spawn(async move { store.commit(commit).await });
        if under_way.len() >= AT_ONCE {
            done(under_way.join_next().await)?;
        }
    }
    while let Some(outcome) = under_way.join_next().await {
        done(Some(outcome))?;
    }
    store.close().await;
    Ok(())
}

type Written = Result<Result<Outcome, countersign::error::Error>, tokio::task::JoinError>;

fn done(outcome: Option<Written>) -> Result<(), Failed> {
    match outcome.transpose()? {
        None | Some(Ok(Outcome::Done)) => Ok(()),
        Some(Ok(outcome)) => Err(format!("a device was not written: {outcome:?}").into()),
        Some(Err(error)) => Err(format!("a device was not written: {error:?}").into()),
    }
}
