//! What strangers, and callers who have no use of the API, send to the server while somebody else calls it: memory
//! is bounded, nobody else is refused, the server can be reached, and all is as before soon after.

mod answers;
mod attack;
mod callers;
mod connection;
mod crowds;
mod descriptors;
mod floods;
mod give_ups;
mod kept;
mod plans;
mod server;
mod stop;
mod streams;
mod victim;
mod wire;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign::transport::descriptors::connections;
use tokio::time::{Instant, interval, sleep};

pub use self::attack::Attack;
use self::connection::Target;
use self::server::Server;
use self::victim::{Outcome, Victim};
use crate::Failed;
use crate::authenticator::{Authenticator, told};
use crate::history::{History, Sort};
use crate::report::{Report, progress};
use crate::vitals::{self, mib};

/// Files that a server may have open: what most systems allow a process.
const FILES: u32 = 1024;
/// Descriptors beyond those before an attack that may be open after it: connections to the database, which are opened
/// when there is much to do. Up to eight have three each on SQLite, and tasks beside them have a few more.
const MORE_FILES: usize = 36;
/// Sockets of this process.
const OWN_FILES: usize = 4096;
/// Probes during an attack, each with a call of a client that connects after it.
const PROBES: u32 = 3;
/// Tries of each of them where times are not held.
const TRIES: u32 = 4;
/// How long the load lasts that an attack is compared with, in seconds, at most.
const COMPARED: u64 = 20;
/// How often it is looked whether all is as before.
const LOOK: Duration = Duration::from_millis(200);

/// How to abuse.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Abuse {
    /// Seconds of each attack
    #[arg(long, default_value_t = 60)]
    pub seconds: u64,
    /// The attacks. Left out: all, and then calls that are given up, a stop and a want of descriptors
    #[arg(value_enum, value_name = "ATTACK")]
    pub attacks: Vec<Attack>,
    /// No attack, only what follows all of them
    #[arg(long, conflicts_with = "attacks")]
    pub no_attacks: bool,
}

/// What is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Memory at most.
    pub memory: Memory,
    /// How soon all must be as before.
    pub recovery: Duration,
    /// Whether times are held to bounds: that takes a machine with nothing else to do, and an optimised build.
    pub are_times_held: bool,
}

/// A bound of memory, in MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// At most so much.
    AtMost(u64),
    /// At most so much beyond what is used before the first attack.
    BeyondIdle(u64),
}

impl Bounds {
    /// Of an optimised build, on a machine with nothing else to do.
    pub const LONG: Self =
        Self { memory: Memory::AtMost(96), recovery: Duration::from_secs(10), are_times_held: true };
    /// Of any build, anywhere.
    pub const SHORT: Self =
        Self { memory: Memory::BeyondIdle(70), recovery: Duration::from_secs(30), are_times_held: false };
}

/// Attacks.
///
/// # Errors
/// The trial does not come to its end.
pub async fn run(binary: &Path, abuse: &Abuse, bounds: Bounds) -> Result<Report, Failed> {
    let mut report = if abuse.no_attacks {
        Report::of("abuse: without attacks")
    } else {
        attacks(binary, abuse, bounds).await?
    };
    if abuse.attacks.is_empty() {
        report.add(give_ups(binary, true).await?);
        report.add(stop(binary, bounds).await?);
        report.add(few_descriptors(binary).await?);
    }
    Ok(report)
}

/// Makes the attacks, one after the other, on one server.
///
/// # Errors
/// The trial does not come to its end.
pub async fn attacks(binary: &Path, abuse: &Abuse, bounds: Bounds) -> Result<Report, Failed> {
    connections(OWN_FILES, 0)?;
    let mut report = Report::of(format!("abuse: {} s for each attack", abuse.seconds));
    let mut server = Server::start(binary, FILES).await?;
    let mut victim = Victim::enroll(&server).await?;
    let all: &[Attack] = clap::ValueEnum::value_variants();
    let attacks = if abuse.attacks.is_empty() { all } else { &abuse.attacks };
    answers::prepare(&server, attacks).await?;
    let load = victim.begin(&server).await?;
    sleep(Duration::from_secs(1)).await;
    victim.end(load).await;
    let idle = Idle::of(&server, bounds)?;
    let (memory, most) = (mib(idle.memory), mib(idle.memory_most));
    report.say(format!("at rest {memory}, {} descriptors; at most {most}", idle.descriptors));
    for attack in attacks {
        Round { attack: *attack, seconds: abuse.seconds, bounds, idle }
            .make(&server, &mut victim, &mut report)
            .await?;
    }
    server.end().await?;
    Ok(report)
}

/// Calls that are given up while the server stands still end no others. `is_long`: for ten seconds.
///
/// # Errors
/// The trial does not come to its end.
pub async fn give_ups(binary: &Path, is_long: bool) -> Result<Report, Failed> {
    let mut report = give_ups::run(binary, give_ups::SHORT).await?;
    if is_long {
        report.add(give_ups::run(binary, give_ups::LONG).await?);
    }
    Ok(report)
}

/// A server that is told to end does so, whatever is connected.
///
/// # Errors
/// The trial does not come to its end.
pub async fn stop(binary: &Path, bounds: Bounds) -> Result<Report, Failed> {
    stop::run(binary, bounds.are_times_held).await
}

/// A server that may open few files serves as many connections as it can.
///
/// # Errors
/// The trial does not come to its end.
pub async fn few_descriptors(binary: &Path) -> Result<Report, Failed> {
    connections(OWN_FILES, 0)?;
    descriptors::run(binary).await
}

/// Connects and makes a call. Gives what went wrong, if anything did.
async fn newcomer(server: &Server) -> Result<Option<String>, Failed> {
    let client = [server.client(&History::begin())?];
    let enrolled = Authenticator::pending(&client, "somebody new", Sort::Step).await;
    Ok(enrolled.err().map(|answer| format!("a new client is told {:?}", told(answer))))
}

/// A server before the first attack.
#[derive(Debug, Clone, Copy)]
struct Idle {
    memory: u64,
    memory_most: u64,
    descriptors: usize,
}

impl Idle {
    fn of(server: &Server, bounds: Bounds) -> Result<Self, Failed> {
        let process = server.process()?;
        let (memory, descriptors) = (vitals::resident(process)?, vitals::descriptors(process)?);
        let memory_most = match bounds.memory {
            Memory::AtMost(mib) => mib << 20,
            Memory::BeyondIdle(mib) => memory + (mib << 20),
        };
        Ok(Self { memory, memory_most, descriptors })
    }
}

/// One attack.
struct Round {
    attack: Attack,
    seconds: u64,
    bounds: Bounds,
    idle: Idle,
}

impl Round {
    async fn make(&self, server: &Server, victim: &mut Victim, report: &mut Report) -> Result<(), Failed> {
        let name = self.attack.name();
        let begun = Instant::now();
        let compared =
            if self.bounds.are_times_held { Some(self.compared(server, victim).await?) } else { None };
        let (process, target) = (server.process()?, server.target());
        vitals::forget_peak(process)?;
        let load = victim.begin(server).await?;
        let attackers = self.attack.begin(&target);
        let (mut probes, part) = (0, Duration::from_secs(self.seconds) / (PROBES + 1));
        for _ in 0..PROBES {
            sleep(part).await;
            probes += u32::from(self.is_reached(server).await?);
        }
        sleep(part).await;
        self.cut_off(&target).await;
        let outcome = victim.end(load).await;
        drop(attackers);
        let ended = Instant::now();
        progress(&format!("{name}: attacked for {:.1?}", ended - begun));
        let after = self.recovered(server, ended).await?;
        let peak = vitals::peak(process)?;
        self.say(&target, &outcome, compared, peak, probes, report);
        match after {
            Ok(after) => report.say(format!("  as before after {after:.1?}")),
            Err(why) => report.violation(format!("{name}: not as before in time: {why}")),
        }
        Ok(())
    }

    /// Whether a probe is answered, and then the first call of a new client. Where times are not held, it is tried again: a
    /// busy machine may take longer than a probe waits.
    async fn is_reached(&self, server: &Server) -> Result<bool, Failed> {
        let tries = if self.bounds.are_times_held { 1 } else { TRIES };
        for _ in 0..tries {
            let problem = if server.probe().await {
                newcomer(server).await?
            } else {
                Some("a probe is not answered".to_owned())
            };
            match problem {
                None => return Ok(true),
                Some(problem) => progress(&format!("{}: {problem}", self.attack.name())),
            }
        }
        Ok(false)
    }

    /// Waits until the server has closed a connection, if it must. A busy machine may take longer than an attack.
    async fn cut_off(&self, target: &Target) {
        let begun = Instant::now();
        while self.is_too_patient(target) && begun.elapsed() < self.bounds.recovery {
            sleep(LOOK).await;
        }
    }

    /// Whether the server must close a connection and has closed none.
    fn is_too_patient(&self, target: &Target) -> bool {
        let connections = target.tally.connections.load(Ordering::Relaxed);
        self.attack.is_cut_off() && connections <= self.attack.connections()
    }

    /// The latency of the victim's calls beside as many empty calls.
    async fn compared(&self, server: &Server, victim: &mut Victim) -> Result<Duration, Failed> {
        let load = victim.begin(server).await?;
        let callers = attack::ordinary(self.attack, &server.target());
        sleep(Duration::from_secs(self.seconds.min(COMPARED))).await;
        let outcome = victim.end(load).await;
        drop(callers);
        Ok(outcome.p99)
    }

    /// Waits until the server is as before, and gives how long that took, or what is not.
    async fn recovered(&self, server: &Server, ended: Instant) -> Result<Result<Duration, String>, Failed> {
        let process = server.process()?;
        let mut every = interval(LOOK);
        loop {
            every.tick().await;
            let wrong = newcomer(server).await?;
            // The connection of that client is closed by now, or soon.
            let (memory, open) = (vitals::resident(process)?, vitals::descriptors(process)?);
            let wrong = match wrong {
                Some(wrong) => Some(wrong),
                None if open > self.idle.descriptors + MORE_FILES => {
                    Some(format!("{open} descriptors are open, {} were", self.idle.descriptors))
                }
                None if memory > self.idle.memory_most => Some(format!("it uses {}", mib(memory))),
                None => None,
            };
            match wrong {
                None => return Ok(Ok(ended.elapsed())),
                Some(wrong) if ended.elapsed() > self.bounds.recovery => return Ok(Err(wrong)),
                Some(_) => {}
            }
        }
    }

    fn say(
        &self,
        target: &Target,
        outcome: &Outcome,
        compared: Option<Duration>,
        peak: u64,
        probes: u32,
        report: &mut Report,
    ) {
        let (name, tally) = (self.attack.name(), &target.tally);
        let [connections, streams, bytes] =
            [&tally.connections, &tally.streams, &tally.bytes].map(|count| count.load(Ordering::Relaxed));
        report.say(format!(
            "{name}: {connections} connections, {streams} streams, {} sent; memory {}",
            mib(bytes as u64),
            mib(peak)
        ));
        let Outcome { calls, refused, p99 } = outcome;
        let beside = compared.map_or_else(String::new, |p99| format!(" ({p99:.1?} beside empty calls)"));
        let count: usize = refused.values().sum();
        report.say(format!(
            "  {calls} calls of others, {count} refused, p99 {p99:.1?}{beside}; {probes} of {PROBES} probes"
        ));
        if peak > self.idle.memory_most {
            report.violation(format!(
                "{name}: {} of memory, {} allowed",
                mib(peak),
                mib(self.idle.memory_most)
            ));
        }
        if count > 0 || *calls == 0 {
            report.violation(format!("{name}: of {calls} calls of others were refused: {refused:?}"));
        }
        if self.is_too_patient(target) {
            report.violation(format!("{name}: no connection was closed"));
        }
        if probes < PROBES {
            report.violation(format!("{name}: {probes} of {PROBES} probes were answered"));
        }
        if let Some(compared) = compared.filter(|compared| *p99 > *compared * 2) {
            report.violation(format!("{name}: p99 {p99:.1?}, and {compared:.1?} beside empty calls"));
        }
    }
}
