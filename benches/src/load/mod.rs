//! The load generator, in a process of its own.

mod body;
pub mod call;
mod closed;
mod open;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use self::call::Connection;
use crate::{Failed, place};

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    /// `Verify`, with a code that is due.
    Verify,
    /// `Verify`, with a code that is due and a new request id for each call.
    VerifyOnce,
    /// `Verify`, with what cannot be a code.
    Malformed,
    /// `Verify`, of a device that takes no proof for now.
    Throttled,
    /// `Evaluate`, of a subject with evidence.
    Evaluate,
    /// The health service's `Check`: a call that does nothing.
    Empty,
}

impl What {
    /// As it stands on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::VerifyOnce => "verify-once",
            Self::Malformed => "malformed",
            Self::Throttled => "throttled",
            Self::Evaluate => "evaluate",
            Self::Empty => "empty",
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, clap::Args)]
pub struct Order {
    /// Where the server has its files.
    #[arg(long)]
    pub dir: PathBuf,
    /// What is called.
    #[arg(long)]
    pub what: What,
    /// Calls under way at once: each is followed by the next when it was answered.
    #[arg(long, default_value_t = 1)]
    pub in_flight: usize,
    /// Calls a second in all: who was answered waits for their turn.
    #[arg(long)]
    pub rate: Option<f64>,
    /// So many calls a second are sent whether or not those before are answered.
    #[arg(long, requires = "rate")]
    pub open: bool,
    /// Connections that they share.
    #[arg(long, default_value_t = 1)]
    pub connections: usize,
    /// Seconds that count.
    #[arg(long)]
    pub seconds: f64,
    /// Seconds before them.
    #[arg(long, default_value_t = 0.5)]
    pub warm_up: f64,
    /// The deadline that each call carries, in milliseconds.
    #[arg(long)]
    pub deadline: Option<u64>,
    /// Devices that are verified, one after the other.
    #[arg(long, default_value_t = 4096)]
    pub devices: usize,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    pub first: usize,
    /// Every how manieth device of the database is one of those that can be verified.
    #[arg(long, default_value_t = 1)]
    pub stride: usize,
    /// The counter at which every device's codes begin.
    #[arg(long, default_value_t = 0)]
    pub counter: u64,
    /// How often each device is verified; else as often as the time may allow.
    #[arg(long)]
    pub rounds: Option<u64>,
    /// Calls a second for which codes are made.
    #[arg(long, default_value_t = 40_000.0)]
    pub at_most: f64,
}

impl Order {
    /// It as arguments of this program.
    pub fn arguments(&self) -> Vec<String> {
        let mut all = vec!["load".to_owned(), "--dir".to_owned(), self.dir.display().to_string()];
        let mut say = |name: &str, value: String| all.extend([format!("--{name}"), value]);
        say("what", self.what.name().to_owned());
        say("in-flight", self.in_flight.to_string());
        say("connections", self.connections.to_string());
        say("seconds", self.seconds.to_string());
        say("warm-up", self.warm_up.to_string());
        say("devices", self.devices.to_string());
        say("first", self.first.to_string());
        say("stride", self.stride.to_string());
        say("counter", self.counter.to_string());
        say("at-most", self.at_most.to_string());
        if let Some(rate) = self.rate {
            say("rate", rate.to_string());
        }
        if let Some(deadline) = self.deadline {
            say("deadline", deadline.to_string());
        }
        if let Some(rounds) = self.rounds {
            say("rounds", rounds.to_string());
        }
        if self.open {
            all.push("--open".to_owned());
        }
        all
    }
}

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    /// Calls a second that were answered as they should be.
    pub rate: f64,
    /// Half of them took no longer, in milliseconds.
    pub p50: f64,
    /// 99 of 100 took no longer.
    pub p99: f64,
    /// None took longer.
    pub max: f64,
    /// How many calls came to what else.
    pub other: BTreeMap<String, u64>,
    /// Calls in all, warm-up included.
    pub calls: usize,
    /// Calls a second that were answered at all.
    pub answered: f64,
    /// Calls that were answered as they should be, but after their deadline.
    pub late: usize,
    /// Whether the codes ran out before the time did.
    pub ran_out: bool,
    /// The counter at which the next load on the same devices begins.
    pub counter: u64,
}

/// When what counts begins and ends.
#[derive(Debug, Clone, Copy)]
struct Span {
    begin: Instant,
    end: Instant,
}

impl Span {
    fn of(order: &Order) -> Self {
        let begin = Instant::now() + Duration::from_secs_f64(order.warm_up);
        Self { begin, end: begin + Duration::from_secs_f64(order.seconds) }
    }
}

/// What one worker saw.
#[derive(Default)]
struct Tally {
    took: Vec<Duration>,
    other: BTreeMap<String, u64>,
    ran_out: bool,
    last: Option<Instant>,
}

impl Tally {
    /// One call was answered.
    fn note(&mut self, span: Span, sent: Instant, what_else: Option<String>) {
        let answered = Instant::now();
        if answered < span.begin || answered > span.end {
            return;
        }
        match what_else {
            None => self.took.push(answered - sent),
            Some(what) => *self.other.entry(what).or_default() += 1,
        }
        self.last = Some(answered);
    }

    fn add(&mut self, other: Self) {
        self.took.extend(other.took);
        self.ran_out |= other.ran_out;
        self.last = self.last.max(other.last);
        for (what, count) in other.other {
            *self.other.entry(what).or_default() += count;
        }
    }
}

/// Loads the server and says what came of it.
pub async fn run(order: Order) -> Result<Measured, Failed> {
    let (bodies, is_once) = body::bodies(&order);
    let token = place::token(&order.dir)?;
    let mut connections = Vec::new();
    for _ in 0..order.connections {
        let method = body::method(order.what);
        connections.push(
            Connection::open(&place::socket(&order.dir), token.expose(), method, order.deadline).await?,
        );
    }
    let span = Span::of(&order);
    let (mut all, calls) = match order.rate {
        Some(rate) if order.open => open::run(&order, span, rate, &connections, bodies, is_once).await?,
        _ => closed::run(&order, span, &connections, bodies, is_once).await?,
    };
    all.took.sort_unstable();
    let lasted = if all.ran_out {
        (all.last.unwrap_or(span.end).min(span.end) - span.begin).as_secs_f64()
    } else {
        order.seconds
    };
    let at = |share: f64| {
        let place = (all.took.len() as f64 * share) as usize;
        all.took.get(place.min(all.took.len().saturating_sub(1))).map_or(0.0, |t| t.as_secs_f64() * 1e3)
    };
    let answered = all.took.len() as u64 + all.other.values().sum::<u64>();
    Ok(Measured {
        rate: all.took.len() as f64 / lasted,
        p50: at(0.5),
        p99: at(0.99),
        max: at(1.0),
        calls,
        answered: answered as f64 / lasted,
        late: order.deadline.map_or(0, |ms| {
            let deadline = Duration::from_millis(ms);
            all.took.len() - all.took.partition_point(|took| *took <= deadline)
        }),
        ran_out: all.ran_out,
        counter: order.counter + calls.div_ceil(order.devices) as u64,
        other: all.other,
    })
}
