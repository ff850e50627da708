//! The load generator, in a process of its own: closed loops, each of which sends its next call when the
//! last one was answered.

pub mod call;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign::wire::pb;
use hyper::body::Bytes;
use prost::Message as _;
use serde::{Deserialize, Serialize};

use self::call::{Connection, Reply, frame};
use crate::{Failed, fleet, place};

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    /// `Verify`, with a code that is due.
    Verify,
    /// The health service's `Check`: a call that does nothing.
    Empty,
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
    /// Calls under way at once.
    #[arg(long)]
    pub in_flight: usize,
    /// Connections that they share.
    #[arg(long, default_value_t = 1)]
    pub connections: usize,
    /// Seconds that count.
    #[arg(long)]
    pub seconds: f64,
    /// Seconds before them.
    #[arg(long, default_value_t = 0.5)]
    pub warm_up: f64,
    /// Devices that are verified, one after the other.
    #[arg(long, default_value_t = 4096)]
    pub devices: usize,
    /// The counter at which every device's codes begin.
    #[arg(long, default_value_t = 0)]
    pub counter: u64,
    /// Calls a second for which codes are made.
    #[arg(long, default_value_t = 40_000.0)]
    pub at_most: f64,
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
    /// Whether the codes ran out before the time did.
    pub ran_out: bool,
    /// The counter at which the next load on the same devices begins.
    pub counter: u64,
}

struct Plan {
    order: Order,
    bodies: Vec<Bytes>,
    next: AtomicUsize,
    begin: Instant,
    end: Instant,
}

#[derive(Default)]
struct Tally {
    took: Vec<Duration>,
    other: BTreeMap<String, u64>,
    ran_out: bool,
    last: Option<Instant>,
}

/// Loads the server and says what came of it.
pub async fn run(order: Order) -> Result<Measured, Failed> {
    let bodies = match order.what {
        What::Verify => codes(&order),
        What::Empty => vec![Bytes::from_static(&[0; 5])],
    };
    let method = match order.what {
        What::Verify => "/countersign.v1.VerificationService/Verify",
        What::Empty => "/grpc.health.v1.Health/Check",
    };
    let token = place::token(&order.dir)?;
    let mut connections = Vec::new();
    for _ in 0..order.connections.min(order.in_flight) {
        connections.push(Connection::open(&place::socket(&order.dir), token.expose(), method).await?);
    }
    let begin = Instant::now() + Duration::from_secs_f64(order.warm_up);
    let end = begin + Duration::from_secs_f64(order.seconds);
    let plan = Arc::new(Plan { order, bodies, next: AtomicUsize::new(0), begin, end });
    let workers: Vec<_> = (0..plan.order.in_flight)
        .map(|i| tokio::spawn(work(plan.clone(), connections[i % connections.len()].clone())))
        .collect();
    let mut all = Tally::default();
    for worker in workers {
        let tally = worker.await??;
        all.took.extend(tally.took);
        all.ran_out |= tally.ran_out;
        all.last = all.last.max(tally.last);
        for (what, count) in tally.other {
            *all.other.entry(what).or_default() += count;
        }
    }
    all.took.sort_unstable();
    let lasted = all.last.unwrap_or(end).min(end) - begin;
    let at = |share: f64| {
        let place = (all.took.len() as f64 * share) as usize;
        all.took.get(place.min(all.took.len().saturating_sub(1))).map_or(0.0, |t| t.as_secs_f64() * 1e3)
    };
    let calls = plan.next.load(Ordering::Relaxed);
    let rounds = calls.div_ceil(plan.order.devices) as u64;
    Ok(Measured {
        rate: all.took.len() as f64 / if all.ran_out { lasted.as_secs_f64() } else { plan.order.seconds },
        p50: at(0.5),
        p99: at(0.99),
        max: at(1.0),
        other: all.other,
        calls,
        ran_out: all.ran_out,
        counter: plan.order.counter + rounds,
    })
}

/// Codes for every call that could be made in the time, device after device.
fn codes(order: &Order) -> Vec<Bytes> {
    let calls = (order.seconds + order.warm_up) * order.at_most;
    let rounds = (calls / order.devices as f64).ceil() as u64;
    let fleet: Vec<_> = (0..order.devices)
        .map(|number| {
            let member = fleet::member(number);
            let generator = fleet::generator(&member);
            (member, generator)
        })
        .collect();
    let mut bodies = Vec::new();
    for counter in order.counter..order.counter + rounds {
        bodies.extend(fleet.iter().map(|(member, generator)| {
            let code = fleet::code(generator, counter).expose().to_owned();
            frame(&pb::VerifyRequest {
                subject: member.subject.as_str().to_owned(),
                device_id: member.id.as_str().to_owned(),
                proof: Some(pb::Proof { proof: Some(pb::proof::Proof::Code(code)) }),
                context: Some(pb::Context { session: fleet::session(member), ..Default::default() }),
                ..Default::default()
            })
        }));
    }
    bodies
}

async fn work(plan: Arc<Plan>, mut connection: Connection) -> Result<Tally, Failed> {
    let mut tally = Tally::default();
    loop {
        let sent = Instant::now();
        if sent >= plan.end {
            return Ok(tally);
        }
        let number = plan.next.fetch_add(1, Ordering::Relaxed);
        let body = match plan.order.what {
            What::Empty => plan.bodies.first(),
            What::Verify => plan.bodies.get(number),
        };
        let Some(body) = body.cloned() else {
            tally.ran_out = true;
            return Ok(tally);
        };
        let reply = connection.call(body).await?;
        let answered = Instant::now();
        if answered < plan.begin || answered > plan.end {
            continue;
        }
        match what_else(plan.order.what, &reply) {
            None => tally.took.push(answered - sent),
            Some(what) => *tally.other.entry(what).or_default() += 1,
        }
        tally.last = Some(answered);
    }
}

/// What a reply says, if not what it should.
fn what_else(what: What, reply: &Reply) -> Option<String> {
    if reply.code != 0 {
        return Some(format!("status {}", reply.code));
    }
    if what == What::Empty {
        return None;
    }
    let verdict = pb::VerifyResponse::decode(reply.message.clone()).ok().and_then(|r| r.verdict);
    match verdict {
        Some(verdict) if verdict.outcome() == pb::Outcome::Accepted => None,
        Some(verdict) => {
            Some(format!("{} {}", verdict.outcome().as_str_name(), verdict.reject_reason().as_str_name()))
        }
        None => Some("no verdict".to_owned()),
    }
}
